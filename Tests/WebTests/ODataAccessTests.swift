import Cryptography
import Encoding
import Foundation
import HTTPClient
import Postgres
import Support
import TenantAdmin
import Testing

/// Credentials, limits and changes of external objects, and attacks.
@Suite(.tags(.store))
struct ODataAccessTests {
    private let place = "salesforce$place"

    @Test func `only the service's own credentials open it, and passwords are stored as hashes`() async throws
    {
        try await withODataService { odata in
            #expect(try await odata.get(place, ["$top": "1"]).status == 200)
            let anonymous = try await odata.rig.get(odata.root)
            #expect(
                anonymous.status == 401 && anonymous.headers["www-authenticate"]?.hasPrefix("Basic") == true)
            #expect(try JSONValue(parsing: anonymous.body)["error"]?["message"]?.string != nil)
            // Another service, of another tenant.
            _ = try await odata.rig.register(
                #"{"org_id":"00D000000000002EAA","org_name":"Other","admin_email":"a@other.example"}"#)
            let other: UUID = try await odata.rig.pool.query(
                "select id from multiconnect.organizations where name = 'Other'"
            ).scalar()
            let stranger = try await odata.rig.addService("sales", of: other)
            #expect(try await stranger.get("").status == 200)
            var thief = odata
            (thief.user, thief.password) = (stranger.user, stranger.password)
            #expect(try await thief.get(place).status == 401)
            thief = odata
            thief.password = stranger.password
            #expect(try await thief.get(place).status == 401)
            #expect(try await stranger.get("\(OperatorBrowser.schema)$place").status == 404)
            let stored: [String] = try await odata.rig.pool.query(
                "select encode(hash, 'hex') from multiconnect.odata_credentials"
            ).column()
            #expect(stored.count == 2 && !stored.contains { $0.contains(odata.password) })
        }
    }

    @Test func `credentials are rotated with an overlap, and end when the service is removed`() async throws {
        try await withODataService { odata in
            let pool = odata.rig.pool
            let rotated = try await pool.withConnection {
                try await ODataServiceStore().rotate(odata.service, by: "ann", on: $0)
            }
            var new = odata
            new.user = rotated.user
            new.password = try #require(rotated.password.revealText())
            #expect(try await odata.get("").status == 200)
            #expect(try await new.get("").status == 200)
            _ = try await pool.execute(
                "update multiconnect.odata_credentials set expires_at = now() where expires_at is not null")
            try await eventually(within: .seconds(15), "the former credentials have ended") {
                try await odata.get("").status == 401
            }
            #expect(try await new.get("").status == 200)
            try await pool.withConnection {
                try await ODataServiceStore().set(isEnabled: false, of: odata.service, by: "ann", on: $0)
            }
            try await eventually(within: .seconds(15), "the service is off") {
                try await new.get("").status == 403
            }
            try await pool.withConnection {
                try await ODataServiceStore().remove(odata.service, by: "ann", on: $0)
            }
            try await eventually(within: .seconds(15), "the service is removed") {
                try await new.get("").status == 401
            }
            let actions: [String] = try await pool.query(
                "select action from multiconnect.activity where action like 'odata%' order by id"
            ).column()
            #expect(
                actions == [
                    "odata_created", "odata_table_added", "odata_table_added", "odata_table_added",
                    "odata_rotated", "odata_disabled", "odata_removed",
                ])
        }
    }

    @Test func `wrong passwords from one address are limited`() async throws {
        try await withODataService { odata in
            var wrong = odata
            wrong.password = "wrong"
            var statuses: Set<Int> = []
            for _ in 0..<25 { statuses.insert(try await wrong.get("").status) }
            #expect(statuses == [401, 429])
            #expect(try await odata.get("").status == 429, "a right password waits too")
        }
    }

    @Test func `requests above the limit per hour get 429 with the time to wait`() async throws {
        try await withODataService({ $0.hourlyRequests = 5 }) { odata in
            for _ in 0..<5 { #expect(try await odata.get("").status == 200) }
            let refused = try await odata.send("GET", odata.root)
            #expect(refused.status == 429)
            let wait = try #require(refused.headers["retry-after"].flatMap { Int($0) })
            #expect((1...3601).contains(wait))
            try await eventually(within: .seconds(15), "the count is stored") {
                _ = try await odata.get("")
                let used: Int = try await odata.rig.pool.query(
                    "select usage_requests from multiconnect.odata_services"
                ).scalar()
                return used == 5
            }
            #expect(try await odata.get("").status == 429)
        }
    }

    @Test func `entities are created, changed and deleted where the operator allows it`() async throws {
        try await withODataService { odata in
            let created = try await odata.send(
                "POST", odata.root + place,
                #"""
                {"name":"N'ew\"","weight":1.5,"opened":"2026-05-01T10:00:00+02:00","open":true,"photo":"AQI"}
                """#)
            #expect(created.status == 201, "\(created.text)")
            let url = try #require(created.headers["location"])
            let made = try JSONValue(parsing: try await odata.send("GET", url).body)
            #expect(made["id"]?.int == 31 && made["name"]?.string == "N'ew\"")
            #expect(made["opened"]?.string == "2026-05-01T08:00:00Z" && made["photo"]?.string == "AQI")
            let patched = try await odata.send("PATCH", url, #"{"kind":"new","open":null}"#)
            #expect(patched.status == 204 && patched.body.isEmpty)
            let shown = try await odata.send(
                "PATCH", url, #"{"ratio":2}"#, [("Prefer", "return=representation")])
            #expect(try JSONValue(parsing: shown.body)["kind"]?.string == "new")
            let merged = try await odata.send(
                "MERGE", odata.oldRoot + "\(place)(31L)",
                #"{"born":"/Date(1769817600000)/","weight":"2.25"}"#)
            #expect(merged.status == 204, "\(merged.text)")
            let tunnelled = try await odata.send(
                "POST", odata.oldRoot + "\(place)(31)", #"{"kind":"tunnel"}"#, [("X-HTTP-Method", "MERGE")])
            #expect(tunnelled.status == 204)
            let put = try await odata.send("PUT", url, #"{"name":"whole"}"#)
            #expect(put.status == 204)
            let whole = try JSONValue(parsing: try await odata.send("GET", url).body)
            #expect(whole["name"]?.string == "whole" && whole["kind"]?.isNull == true)
            let atom = try await odata.send(
                "POST", odata.oldRoot + place,
                """
                <entry xmlns="http://www.w3.org/2005/Atom" xmlns:d="d" xmlns:m="m"><content>\
                <m:properties><d:name>A &amp; B</d:name></m:properties></content></entry>
                """, [("Content-Type", "application/atom+xml")])
            #expect(atom.status == 201 && atom.text.contains("<d:name>A &amp; B</d:name>"))
            let minimal = try await odata.send(
                "POST", odata.root + place, #"{"name":"min"}"#, [("Prefer", "return=minimal")])
            #expect(minimal.status == 204 && minimal.headers["odata-entityid"] != nil)
            #expect(try await odata.send("DELETE", url).status == 204)
            #expect(try await odata.send("DELETE", url).status == 404)
            #expect(try await odata.places() == 32)
        }
    }

    @Test func `changes that the operator or the table does not allow are refused`() async throws {
        try await withODataService { odata in
            let cases: [(String, String, String, Int)] = [
                ("POST", "salesforce$account", #"{"name":"x"}"#, 403),
                ("PATCH", "salesforce$account(1)", #"{"name":"x"}"#, 403),
                ("DELETE", "salesforce$row_name(1)", "", 403),
                ("POST", place, #"{"secret":"x"}"#, 400), ("POST", place, #"{"name":"x","id":7}"#, 403),
                ("POST", place, #"{"kind":"no name"}"#, 400),
                ("POST", place, #"{"name":"\#(String(repeating: "x", count: 21))"}"#, 400),
                ("POST", place, "[1]", 400), ("POST", place, #"{"weight":"much"}"#, 400),
                ("PATCH", "\(place)(99)", #"{"kind":"x"}"#, 404), ("PUT", place, "{}", 405),
                ("POST", "\(place)(1)", "{}", 405), ("POST", "salesforce$hidden", "{}", 404),
            ]
            for (method, path, body, status) in cases {
                let answer = try await odata.send(method, odata.root + path, body)
                #expect(answer.status == status, "\(method) \(path) \(body): \(answer.text)")
                #expect(
                    try JSONValue(parsing: answer.body)["error"]?["message"]?.string?.isEmpty == false,
                    "\(method) \(path)")
            }
            let text = try await odata.send(
                "POST", odata.root + place, "x", [("Content-Type", "text/plain")])
            #expect(text.status == 415)
            let old = try await odata.send(
                "DELETE", odata.root + "\(place)(1)", "", [("If-Match", "W/\"1\"")])
            #expect(old.status == 412)
            #expect(try await odata.places() == 30)
        }
    }

    @Test func `gzip requests are read, and refused if they are broken or too large`() async throws {
        try await withODataService { odata in
            func post(_ body: [UInt8], _ coding: String = "gzip") async throws -> ClientResponse {
                try await odata.send(
                    "POST", odata.root + place, bytes: body,
                    [("Content-Type", "application/json"), ("Content-Encoding", coding)])
            }
            let packed = try GzipCommand.compress(Array(#"{"name":"packed"}"#.utf8))
            let created = try await post(packed)
            #expect(created.status == 201 && created.text.contains("packed"), "\(created.text)")
            #expect(try await post(Array(packed.dropLast(4))).status == 400)
            #expect(try await post(Array(#"{"name":"x"}"#.utf8)).status == 400)
            #expect(try await post(packed, "br").status == 415)
            let bomb = try GzipCommand.compress([UInt8](repeating: 32, count: 64 << 20))
            #expect(try await post(bomb).status == 413)
            #expect(try await odata.places() == 31)
        }
    }

    @Test func `values that Postgres does not store are answered with 400 in both versions`() async throws {
        try await withODataService { odata in
            let long = String(repeating: "x", count: 21)
            for body in [
                #"{"name":"\#(long)"}"#, #"{"name":"a\u0000b"}"#, #"{"name":"x","weight":123456789012.5}"#,
                #"{"name":"x","born":"2026-02-30"}"#, #"{"name":"x","code":"no"}"#,
            ] {
                for root in [odata.root, odata.oldRoot] {
                    let answer = try await odata.send(
                        "POST", root + place, body, [("Accept", "application/json")])
                    #expect(answer.status == 400, "\(root) \(body): \(answer.text)")
                    let error = try JSONValue(parsing: answer.body)["error"]
                    #expect(error?["code"]?.string == "400", "\(answer.text)")
                    let patched = try await odata.send("PATCH", root + "\(place)(1)", body)
                    #expect(patched.status == 400, "\(root) \(body): \(patched.text)")
                }
            }
            let filters = [
                (odata.root, "born eq 2026-02-30"), (odata.root, "opened gt 2026-13-01T00:00:00Z"),
                (odata.root, "opened gt 2026-02-30T00:00:00Z"),
                (odata.oldRoot, "born eq datetime'2026-02-30T00:00:00'"),
                (odata.oldRoot, "opened gt datetime'2026-02-30T00:00:00'"),
            ]
            for (root, filter) in filters {
                let answer = try await odata.send(
                    "GET", root + ODataRig.target(place, ["$filter": filter]))
                #expect(answer.status == 400, "\(filter): \(answer.text)")
            }
            #expect(try await odata.places() == 30)
        }
    }

    @Test func `a token of the service is fetched and checked, and browsers need one`() async throws {
        try await withODataService { odata in
            let fetched = try await odata.send("GET", odata.root, "", [("X-CSRF-Token", "Fetch")])
            let token = try #require(fetched.headers["x-csrf-token"])
            func post(_ headers: [(name: String, value: String)]) async throws -> ClientResponse {
                try await odata.send("POST", odata.root + place, #"{"name":"x"}"#, headers)
            }
            #expect(try await post([("X-CSRF-Token", token)]).status == 201)
            #expect(try await post([]).status == 201)
            let wrong = try await post([("X-CSRF-Token", "x")])
            #expect(wrong.status == 403 && wrong.headers["x-csrf-token"] == "Required")
            #expect(try await post([("Origin", "https://evil.example")]).status == 403)
            #expect(
                try await post([("Origin", "https://x.example"), ("X-CSRF-Token", token)]).status == 201)
        }
    }

    @Test func `quotes, functions and hidden names reach nothing`() async throws {
        try await withODataService { odata in
            let before = try await odata.ids(place)
            let filters: [(String, Int)] = [
                ("name eq '''; drop table \(OperatorBrowser.schema).place; --'", 200),
                ("name eq 'x' or 1 eq 1; drop table place", 400), ("pg_sleep(10) eq 1", 501),
                ("contains(name,''') or pg_sleep(10) is null --')", 200), ("secret eq 'hidden'", 400),
                ("parts eq 1", 400), ("name eq (select note from hidden)", 400),
                ("\(OperatorBrowser.schema).hidden/note eq 1", 400), ("name eq 'a' union select 1", 400),
                (String(repeating: "(", count: 400) + "id eq 1" + String(repeating: ")", count: 400), 400),
                ("id eq 1e999", 200), ("id eq 1e9999", 400), ("opened gt 9999-12-31T23:59:59Z", 200),
                ("name eq 'a\u{7}b'", 200),
            ]
            for (filter, status) in filters {
                let start = ContinuousClock.now
                let answer = try await odata.get(place, ["$filter": filter])
                #expect(answer.status == status, "\(filter.prefix(80)): \(answer.text.prefix(300))")
                #expect(ContinuousClock.now - start < .seconds(5))
            }
            for set in [
                "salesforce$hidden", "salesforce$_trigger_log", "public$place", "multiconnect$odata_services",
                "salesforce$place\"", "salesforce$keyless", "place", "salesforce$PLACE",
            ] {
                #expect(try await odata.get(PercentCoding.encode(set)).status == 404, "\(set)")
            }
            for options in [
                ["$orderby": "secret"], ["$orderby": "name;select 1"], ["$select": "secret"],
                ["$orderby": "(select 1)"], ["$skiptoken": "x'"], ["$top": "1;"], ["$apply": "x"],
            ] {
                #expect([400, 501].contains(try await odata.get(place, options).status), "\(options)")
            }
            let key = try await odata.get("\(place)(1%20or%201=1)")
            #expect(key.status == 400)
            #expect(try await odata.ids(place) == before)
        }
    }

    @Test func `a slow statement ends, and a changed table is answered after a moment`() async throws {
        try await withODataService({ $0.statementSeconds = 1 }) { odata in
            let schema = OperatorBrowser.schema
            _ = try await odata.rig.pool.execute(
                """
                create or replace view \(identifier: schema, "row_name") as
                select id, name, case when pg_sleep(0.1) is null then 'a' else 'b' end as nap
                from \(identifier: schema, "account")
                """)
            let start = ContinuousClock.now
            let slow = try await odata.get("salesforce$row_name", ["$filter": "nap ne 'x'"])
            #expect(slow.status == 504, "\(slow.text)")
            #expect(ContinuousClock.now - start < .seconds(8))
            #expect(try await odata.get(place, ["$top": "1"]).status == 200)
            _ = try await odata.rig.pool.execute(
                "alter table \(identifier: schema, "place") drop column kind")
            try await eventually(within: .seconds(10), "the new columns are served") {
                let answer = try await odata.get(place, ["$top": "1"])
                #expect([200, 503].contains(answer.status))
                return answer.status == 200 && answer.json["value"]?.array?.first?["kind"] == nil
            }
        }
    }

    @Test func `a table that cannot be served is refused with the reason`() async throws {
        try await withODataService { odata in
            let store = ODataTableStore(of: odata.service)
            let cases: [(ODataService.Selection, ODataTableStore.Obstacle)] = [
                (.init(table: "nothing", columns: nil, isWritable: false), .noTable),
                (.init(table: "_trigger_log", columns: nil, isWritable: false), .noTable),
                (.init(table: "x\"y", columns: nil, isWritable: false), .noTable),
                (.init(table: "keyless", columns: nil, isWritable: false), .noKey),
                (.init(table: "place", columns: ["parts"], isWritable: false), .unknownColumn("parts")),
                (.init(table: "row_name", columns: nil, isWritable: true), .noWrites),
                (.init(table: "account", columns: nil, isWritable: true), .noWrites),
            ]
            for (selection, obstacle) in cases {
                try await odata.rig.pool.withConnection { connection in
                    await #expect(throws: obstacle, "\(selection)") {
                        try await store.check(selection, on: connection)
                    }
                }
            }
        }
    }

    @Test func `a table whose mapping becomes read-only is written no more`() async throws {
        try await withODataService { odata in
            let created = try await odata.send("POST", odata.root + "salesforce$place", #"{"name":"x"}"#)
            #expect(created.status == 201, "\(created.text)")
            _ = try await odata.rig.pool.execute(
                """
                insert into multiconnect_sync.synced_tables (mapping_id, organization_id, schema_name, plan)
                values (gen_random_uuid(), \(odata.service.organization), \(OperatorBrowser.schema),
                  '{"table": "place", "object": "Place__c", "access": "read_only"}')
                """)
            try await eventually(within: .seconds(10), "changes are refused") {
                let answer = try await odata.send("POST", odata.root + "salesforce$place", #"{"name":"y"}"#)
                return answer.status == 403
            }
            #expect(try await odata.get("salesforce$place", ["$top": "1"]).status == 200)
            let store = ODataTableStore(of: odata.service)
            try await odata.rig.pool.withConnection { connection in
                await #expect(throws: ODataTableStore.Obstacle.readOnlyMapping("Place__c")) {
                    try await store.check(
                        .init(table: "place", columns: nil, isWritable: true), on: connection)
                }
            }
        }
    }

    @Test func `the API shows a service without its password, and turns it off`() async throws {
        try await withODataService { odata in
            func token(_ scope: APIToken.Scope, _ organizations: [UUID]?) async throws -> String {
                let (secret, hash) = try APIToken.make()
                _ = try await odata.rig.pool.withConnection {
                    try await APITokenStore().add(
                        "test", hash: hash, scope: scope, organizations: organizations, expiresAt: nil,
                        by: "ann", on: $0)
                }
                return try #require(secret.revealText())
            }
            let path = "/api/v3/odata/services/\(odata.service.id)"
            func call(_ method: String, _ token: String, _ body: String = "") async throws -> ClientResponse {
                try await odata.rig.http.send(
                    ClientRequest(
                        method: method, url: odata.rig.origin + path,
                        headers: [
                            ("Authorization", "Bearer \(token)"), ("Content-Type", "application/json"),
                        ],
                        body: Array(body.utf8)))
            }
            let writer = try await token(.write, nil)
            let shown = try JSONValue(parsing: try await call("GET", writer).body)
            #expect(shown["slug"]?.string == odata.service.slug && shown["enabled"]?.bool == true)
            #expect(shown["access_url"]?.string?.hasSuffix(odata.root) == true)
            #expect(
                shown["resources"]?.array?.map { $0["table_name"]?.string } == [
                    "account", "place", "row_name",
                ])
            #expect(shown["resources"]?.array?.last?["type"]?.string == "view")
            #expect(shown["credentials"]?["user"]?.string == odata.user)
            #expect(shown["credentials"]?["password"]?.isNull == true)
            #expect(shown["api_hourly_rate_limit"]?.int == 20_000)
            let connection = try #require(shown["connection"]?.string)
            let listed = try await odata.rig.get(
                "/api/v3/connections/\(connection)", [("Authorization", "Bearer \(writer)")])
            #expect(try JSONValue(parsing: listed.body)["odata"]?["slug"]?.string == odata.service.slug)
            let off = try JSONValue(parsing: try await call("PATCH", writer, #"{"enabled":"false"}"#).body)
            #expect(off["enabled"]?.bool == false)
            #expect(try await call("PATCH", writer, #"{"enabled":"maybe"}"#).status == 400)
            #expect(try await call("PATCH", writer, "{}").status == 400)
            #expect(try await call("PATCH", try await token(.read, nil), #"{"enabled":true}"#).status == 403)
            let stranger = try await token(.write, [UUID()])
            #expect(try await call("GET", stranger).status == 404)
            #expect(try await call("PATCH", stranger, #"{"enabled":true}"#).status == 404)
        }
    }
}
