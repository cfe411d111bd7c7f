import Cryptography
import Encoding
import Foundation
import HTTPClient
import Organizations
import Postgres
import TenantAdmin
import Testing

/// A client of a service over OData, of the tenant of `OperatorBrowser.addTenantWithTable`.
struct ODataRig: Sendable {
    let rig: WebRig
    let service: ODataService
    var user: String
    var password: String

    var root: String { "/odata/v4/\(service.slug)/" }
    var oldRoot: String { "/odata/v2/\(service.slug)/" }

    func send(
        _ method: String, _ target: String, _ body: String = "",
        _ headers: [(name: String, value: String)] = []
    ) async throws -> ClientResponse {
        try await send(method, target, bytes: Array(body.utf8), headers)
    }

    func send(
        _ method: String, _ target: String, bytes body: [UInt8],
        _ headers: [(name: String, value: String)] = []
    ) async throws -> ClientResponse {
        let credentials = Data("\(user):\(password)".utf8).base64EncodedString()
        var all: [(name: String, value: String)] = [("Authorization", "Basic \(credentials)")]
        if !body.isEmpty, !headers.contains(where: { $0.name == "Content-Type" }) {
            all.append(("Content-Type", "application/json"))
        }
        return try await rig.http.send(
            ClientRequest(
                method: method, url: target.hasPrefix("http") ? target : rig.origin + target,
                headers: all + headers, body: body))
    }

    /// Sends a request for an entity set with query options, which are encoded here.
    func get(
        _ set: String, _ options: [String: String] = [:],
        _ headers: [(name: String, value: String)] = []
    ) async throws -> (status: Int, json: JSONValue, text: String) {
        let answer = try await send("GET", root + Self.target(set, options), "", headers)
        return (answer.status, (try? JSONValue(parsing: answer.body)) ?? .null, answer.text)
    }

    static func target(_ set: String, _ options: [String: String]) -> String {
        let query = options.sorted { $0.key < $1.key }.map {
            "\($0.key)=\(PercentCoding.encode($0.value))"
        }.joined(separator: "&")
        return query.isEmpty ? set : "\(set)?\(query)"
    }

    /// The ids of an answer's entities.
    func ids(_ set: String, _ options: [String: String] = [:]) async throws -> [Int] {
        let answer = try await get(set, options)
        #expect(answer.status == 200, "\(options): \(answer.text)")
        return answer.json["value"]?.array?.compactMap { $0["id"]?.int } ?? []
    }

    /// The number of rows of the table `place`.
    func places() async throws -> Int {
        try await rig.pool.query("select count(*) from \(identifier: OperatorBrowser.schema, "place")")
            .scalar()
    }
}

/// A service with the tables `account` (read-only) and `place` (writable), and the view `row_name`.
func withODataService(
    _ change: @escaping @Sendable (inout ODataService.Settings) -> Void = { _ in },
    options: (inout WebRig.Options) -> Void = { _ in },
    _ body: @concurrent @Sendable (ODataRig) async throws -> Void
) async throws {
    try await withOperator(options) { browser in
        try await browser.addTenantWithTable()
        let schema = OperatorBrowser.schema
        let pool = browser.rig.pool
        try await pool.withConnection { connection in
            try await connection.script(
                """
                create table \(schema).place (id bigint generated always as identity primary key,
                    name varchar(20) not null, kind text, opened timestamp, born date, weight numeric(10,2),
                    ratio float8, open boolean, code uuid, photo bytea, secret text default 'hidden',
                    parts jsonb);
                insert into \(schema).place (name, kind, opened, born, weight, ratio, open, code, photo)
                select 'P' || lpad(i::text, 3, '0'), case when i % 3 = 0 then null else 'k' || i % 5 end,
                    timestamp '2026-01-01' + make_interval(hours => i), date '2026-01-01' + i,
                    i * 1.25, i / 4.0, i % 2 = 0, gen_random_uuid(), '\\xfffe'
                from generate_series(1, 30) i;
                update \(schema).place set name = 'O''Neil & "Sons"' where id = 5;
                create view \(schema).row_name as select id, name from \(schema).account;
                create table \(schema).hidden (id int primary key, note text);
                insert into \(schema).hidden values (1, 'not for others');
                create table \(schema).keyless (note text);
                """)
        }
        let rig = try await browser.rig.addService("sales", change)
        for selection in [
            ODataService.Selection(table: "account", columns: nil, isWritable: false),
            .init(
                table: "place",
                columns: [
                    "name", "kind", "opened", "born", "weight", "ratio", "open", "code", "photo",
                ], isWritable: true), .init(table: "row_name", columns: nil, isWritable: false),
        ] {
            try await pool.withConnection {
                try await ODataTableStore(of: rig.service).check(selection, on: $0)
                try await ODataServiceStore().set(selection, of: rig.service, by: "ann", on: $0)
            }
        }
        try await body(rig)
    }
}

extension WebRig {
    /// A client of a new service of the first tenant.
    func addService(
        _ audience: String, _ change: (inout ODataService.Settings) -> Void = { _ in },
        of organization: UUID? = nil
    ) async throws -> ODataRig {
        var settings = ODataService.Settings()
        change(&settings)
        let id: UUID =
            if let organization {
                organization
            } else {
                try await pool.query(
                    "select id from multiconnect.organizations order by created_at limit 1"
                ).scalar()
            }
        let made = try await pool.withConnection { [settings] in
            try await ODataServiceStore().add(audience, settings, to: id, by: "ann", on: $0)
        }
        let (service, credential) = try #require(made)
        return ODataRig(
            rig: self, service: service, user: credential.user,
            password: try #require(credential.password.revealText()))
    }
}
