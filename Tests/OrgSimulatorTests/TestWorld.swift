package import Encoding
import Testing

@testable import OrgSimulator

/// A simulator without sockets, and a clock that tests move.
struct TestWorld {
    var world: World
    var now = 1_700_000_000_000

    init(_ change: (inout SimulatorConfiguration) -> Void = { _ in }) {
        var configuration = SimulatorConfiguration()
        configuration.origin = "http://sim.test"
        configuration.orgs = 2
        configuration.accounts = 300
        configuration.contacts = 50
        configuration.tweets = 5
        change(&configuration)
        world = World(configuration)
    }

    mutating func call(
        _ method: String, _ target: String, token: String? = nil, headers: [String: String] = [:],
        body: String = ""
    ) -> Reply {
        var headers = headers
        if let token { headers["Authorization"] = "Bearer \(token)" }
        return world.answer(IncomingCall(method, target, headers: headers, body: Array(body.utf8), now: now))
    }

    mutating func get(_ target: String, token: String?) -> Reply { call("GET", target, token: token) }

    /// An access token of a user, by the password grant.
    mutating func token(_ username: String = "admin@org1.example") throws -> String {
        let reply = call(
            "POST", "/services/oauth2/token",
            body: "grant_type=password&client_id=simulator-client&client_secret=simulator-secret"
                + "&username=\(username)&password=password")
        return try #require(reply.document["access_token"]?.text)
    }

    static let base = "/services/data/v66.0"

    /// A call of the data API.
    mutating func send(
        _ method: String, _ path: String, token: String, headers: [String: String] = [:], body: String = ""
    ) -> Reply { call(method, Self.base + path, token: token, headers: headers, body: body) }

    /// A change request to the first org.
    mutating func change(_ body: String) {
        #expect(call("POST", "/simulator/orgs/1/changes", body: body).status == 200)
    }

    mutating func query(_ soql: String, token: String, path: String = "query") -> Reply {
        get("/services/data/v66.0/\(path)?q=\(PercentCoding.encode(soql))", token: token)
    }
}

extension Reply {
    /// The whole body.
    var bytes: [UInt8] {
        switch body {
        case .bytes(let bytes): return bytes
        case .results(let result, let rows):
            return result.pieces(rows).reduce(result.header) { $0 + result.block($1.block).slice($1.rows) }
        case .checksums(let table, let fields):
            var checksums = TableChecksums(table, fields: fields)
            checksums.add(0..<table.rowCount)
            return checksums.document.encoded
        case .rows, .wait: return []
        }
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var document: JSONValue { JSONValue.parse(bytes) ?? .null }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .number(String(value)) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { $1 })
    }
}

extension JSONValue {
    /// Nil if the bytes are not JSON.
    static func parse(_ bytes: [UInt8]) -> JSONValue? { try? JSONValue(parsing: bytes) }

    var elements: [JSONValue] { array ?? [] }
    var names: [String] { object?.keys.sorted() ?? [] }
    var text: String? { string }
    var number: Int? { int }
}
