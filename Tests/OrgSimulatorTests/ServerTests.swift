import Encoding
import HTTPClient
import Reactor
import Support
import Testing

@testable import OrgSimulator

/// A simulator behind a real socket, and a client.
struct ServerTests {
    private struct Running: Sendable {
        let origin: String
        let client: HTTPClient

        func send(
            _ method: String, _ path: String, token: String? = nil, body: String = "", gzip: Bool = false
        )
            async throws -> ClientResponse
        {
            let headers = token.map { [(name: "Authorization", value: "Bearer \($0)")] } ?? []
            return try await client.send(
                ClientRequest(
                    method: method, url: origin + path, headers: headers, body: Array(body.utf8),
                    acceptsGzip: gzip))
        }

        func token() async throws -> String {
            let response = try await send(
                "POST", "/services/oauth2/token",
                body: "grant_type=password&client_id=simulator-client&client_secret=simulator-secret"
                    + "&username=admin@org1.example&password=password")
            return try #require(JSONValue.parse(response.body)?["access_token"]?.text)
        }

        /// A complete job's address.
        func job(_ soql: String, token: String) async throws -> String {
            let base = "/services/data/v66.0/jobs/query"
            let created = try await send(
                "POST", base, token: token, body: #"{"operation":"query","query":"\#(soql)"}"#)
            let id = try #require(JSONValue.parse(created.body)?["id"]?.text)
            try await eventually("the job is complete") {
                let state = try await send("GET", "\(base)/\(id)", token: token)
                return JSONValue.parse(state.body)?["state"] == "JobComplete"
            }
            return "\(base)/\(id)"
        }
    }

    private func withSimulator(
        _ change: (inout SimulatorConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Running) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.accounts = 3000
        configuration.contacts = 10
        change(&configuration)
        let simulator = Simulator(configuration)
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let running = Running(
                origin: "http://127.0.0.1:\(listener.address.port)", client: HTTPClient())
            try await withThrowingTaskGroup { group in
                group.addTask { try await simulator.serve(on: listener) }
                try await body(running)
                group.cancelAll()
            }
        }
    }

    @Test func `results have their length and equal bytes, compressed or not`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let job = try await running.job("SELECT Id, Name, Description FROM Account", token: token)
            let plain = try await running.send("GET", job + "/results", token: token)
            #expect(plain.headers["Content-Length"] == "\(plain.body.count)")
            #expect(plain.headers["Content-Encoding"] == nil)
            #expect(CSVTable(plain.body).rows.count == 3000)
            let compressed = try await running.send("GET", job + "/results", token: token, gzip: true)
            #expect(compressed.headers["Content-Encoding"] == "gzip")
            #expect(compressed.body == plain.body)
            let page = try await running.send(
                "GET", job + "/results?maxRecords=700&locator=ODAw", token: token)
            #expect(CSVTable(page.body).rows == Array(CSVTable(plain.body).rows[800..<1500]))
        }
    }

    @Test func `JSON is compressed too`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let path = "/services/data/v66.0/sobjects/Account/describe"
            let plain = try await running.send("GET", path, token: token)
            let compressed = try await running.send("GET", path, token: token, gzip: true)
            #expect(compressed.headers["Content-Encoding"] == "gzip")
            #expect(plain.body == compressed.body)
        }
    }

    @Test func `a dropped connection ends in the middle of a page`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let job = try await running.job("SELECT Id, Name, Description FROM Account", token: token)
            _ = try await running.send(
                "POST", "/simulator/faults", body: #"{"kind":"drop","path":"/results","bytes":100000}"#)
            let error = await #expect(throws: HTTPClientError.self) {
                _ = try await running.send("GET", job + "/results", token: token)
            }
            #expect(error?.code == .interrupted)
            #expect(try await running.send("GET", job + "/results", token: token).status == 200)
        }
    }

    @Test func `instance and identity URLs begin with the address that the caller used`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let reply = try await running.send("GET", "/services/oauth2/userinfo", token: token)
            #expect(JSONValue.parse(reply.body)?["sub"]?.text?.hasPrefix(running.origin + "/id/00D") == true)
        }
    }

    @Test func `the org's rows are returned one per line`() async throws {
        try await withSimulator { running in
            let reply = try await running.send("GET", "/simulator/orgs/2/objects/Account/rows")
            let lines = reply.body.split(separator: 0x0A)
            #expect(lines.count == 3000)
            #expect(JSONValue.parse(Array(lines[0]))?["sfid"]?.text?.hasPrefix("001") == true)
        }
    }
}
