import Cryptography
import Encoding
import Foundation
import HTTPClient
import OrgSimulator
import Postgres
import Support
import TenantAdmin
import Testing

/// Tokens and shapes of Heroku Connect's API. `ConnectAPITests` runs it with a worker.
@Suite(.tags(.store))
struct ConnectRoutesTests {
    private struct Client: Sendable {
        let rig: WebRig
        var token: String

        func call(
            _ method: String, _ path: String, _ body: String = ""
        ) async throws -> (status: Int, json: JSONValue, text: String) {
            let answer = try await rig.http.send(
                ClientRequest(
                    method: method, url: path.hasPrefix("http") ? path : rig.origin + path,
                    headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")],
                    body: Array(body.utf8)))
            let problems = try OpenAPIDocument.current.get().problems(
                method, path, status: answer.status, body: answer.body)
            #expect(problems.isEmpty, "\(problems)")
            return (answer.status, (try? JSONValue(parsing: answer.body)) ?? .null, answer.text)
        }
    }

    private func client(
        _ rig: WebRig, _ scope: APIToken.Scope = .write, organizations: [UUID]? = nil,
        expiresAt: Date? = nil
    ) async throws -> Client {
        let (secret, hash) = try APIToken.make()
        let text = try #require(secret.revealText())
        #expect(APIToken.hash(of: text) == hash)
        _ = try await rig.pool.withConnection {
            try await APITokenStore().add(
                "test", hash: hash, scope: scope, organizations: organizations, expiresAt: expiresAt,
                by: "ann", on: $0)
        }
        return Client(rig: rig, token: text)
    }

    /// Registers tenants whose org ids end with the numbers.
    private func register(_ count: Int, _ rig: WebRig) async throws -> [UUID] {
        try await rig.pool.query(
            """
            with added as (
              insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
              select '00D' || lpad(n::text, 12, '0') || 'EAA', 'Acme ' || n, 'ann@example.com',
                'salesforce00d' || lpad(n::text, 12, '0') || 'eaa'
              from generate_series(1, \(count)) n returning id, schema_name
            ), connections as (
              insert into multiconnect.connections (organization_id) select id from added returning id
            ), mappings as (
              insert into multiconnect.mappings (connection_id, object_name, config)
              select id, 'Account', '{"access":"read_only","fields":{"Id":{}},"sf_polling_seconds":600}'
              from connections
            )
            select id from added order by schema_name
            """
        ).column()
    }

    @Test func `a request without a valid token is refused with a reason`() async throws {
        try await withWebRig { rig in
            _ = try await register(1, rig)
            let valid = try await client(rig)
            #expect(try await valid.call("GET", "/connections").status == 200)
            let none = try await rig.get("/connections")
            #expect(none.status == 401 && none.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
            #expect(none.text.contains(#"{"message":"#))
            for token in ["", "mct_wrong", valid.token + "x", "ann:secret"] {
                #expect(try await Client(rig: rig, token: token).call("GET", "/connections").status == 401)
            }
            let expired = try await client(rig, expiresAt: Date() - 1)
            #expect(try await expired.call("GET", "/connections").status == 401)
            let stored: [String] = try await rig.pool.query(
                "select encode(hash, 'hex') from multiconnect.api_tokens"
            ).column()
            #expect(!stored.contains { valid.token.contains($0) })
            let used: Int = try await rig.pool.query(
                "select count(*) from multiconnect.api_tokens where last_used_at is not null"
            ).scalar()
            #expect(used == 2)
        }
    }

    @Test func `a method that a resource does not have is refused in the form of the API`() async throws {
        try await withWebRig { rig in
            for (method, path, allowed) in [
                ("DELETE", "/api/v3/connections", "GET, HEAD, OPTIONS"),
                ("POST", "/api/v3/openapi.json", "GET, HEAD, OPTIONS"),
                ("PUT", "/api/v3/connections/\(UUID())", nil), ("GET", "/auth/acme", "OPTIONS, POST"),
            ] {
                for accept in ["*/*", "text/html"] {
                    let answer = try await rig.http.send(
                        ClientRequest(
                            method: method, url: rig.origin + path, headers: [("Accept", accept)]))
                    #expect(answer.status == 405, "\(method) \(path)")
                    #expect(answer.headers["allow"]?.contains("OPTIONS") == true)
                    if let allowed { #expect(answer.headers["allow"] == allowed) }
                    #expect(answer.text == #"{"message":"Method Not Allowed"}"#, "\(answer.text)")
                    #expect(answer.headers["x-content-type-options"] == "nosniff")
                }
            }
        }
    }

    @Test func `wrong tokens from one address are limited, and a right one then waits too`() async throws {
        try await withWebRig { rig in
            let valid = try await client(rig)
            let wrong = Client(rig: rig, token: "mct_wrong")
            var statuses: Set<Int> = []
            for _ in 0..<25 { statuses.insert(try await wrong.call("GET", "/connections").status) }
            #expect(statuses == [401, 429])
            #expect(try await valid.call("GET", "/connections").status == 429)
        }
    }

    @Test func `one token sends 600 requests at once, and then waits; another does not wait`() async throws {
        try await withWebRig { rig in
            let (busy, other) = (try await client(rig), try await client(rig))
            var sent = 0
            var refused: ClientResponse?
            while refused == nil, sent < 2_000 {
                let answer = try await rig.get(
                    "/connections", [("Authorization", "Bearer \(busy.token)")])
                if answer.status == 429 { refused = answer } else { sent += 1 }
            }
            // Ten more come back in each second.
            #expect((600..<1_500).contains(sent), "\(sent)")
            #expect(refused?.headers["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
            #expect(try await busy.call("GET", "/api/v3/connections").status == 429)
            #expect(try await other.call("GET", "/connections").status == 200)
        }
    }

    @Test func `a token of one tenant opens no other`() async throws {
        try await withWebRig { rig in
            let ids = try await register(3, rig)
            let all = try await client(rig)
            let own = try await client(rig, organizations: [ids[1]])
            let listed = try await all.call("GET", "/api/v3/connections?deep=true").json
            #expect(listed["count"]?.int == 3)
            let connections = try #require(listed["results"]?.array)
            let visible = try await own.call("GET", "/connections").json["results"]?.array ?? []
            #expect(visible.map { $0["resource_name"]?.string } == ["salesforce00d000000000002eaa"])
            for connection in connections {
                let isOwn = connection["resource_name"]?.string == "salesforce00d000000000002eaa"
                let status = isOwn ? 200 : 404
                let path = try #require(connection["detail_url"]?.string)
                let mapping = try #require(connection["mappings"]?.array?.first?["detail_url"]?.string)
                #expect(try await own.call("GET", path).status == status)
                #expect(try await own.call("GET", mapping).status == status)
                #expect(try await own.call("GET", "\(path)/actions/export").status == status)
                if !isOwn {
                    #expect(try await own.call("POST", "\(path)/actions/restart").status == 404)
                    #expect(try await own.call("DELETE", mapping).status == 404)
                    #expect(try await own.call("PUT", mapping, "{}").status == 404)
                }
            }
        }
    }

    @Test func `a token that reads changes nothing`() async throws {
        try await withWebRig { rig in
            _ = try await register(1, rig)
            let reader = try await client(rig, .read)
            let connection = try #require(
                try await reader.call("GET", "/api/v3/connections?deep=1").json["results"]?.array?.first)
            let path = try #require(connection["detail_url"]?.string)
            let mapping = try #require(connection["mappings"]?.array?.first?["detail_url"]?.string)
            let calls = [
                ("PATCH", path), ("POST", "\(path)/actions/pause"), ("POST", "\(path)/actions/resume"),
                ("POST", "\(path)/actions/restart"), ("POST", "\(path)/actions/import"),
                ("POST", "\(path)/mappings"), ("POST", "\(path)/notifications/acknowledge"),
                ("POST", "\(path)/authorize_url"), ("POST", "\(path)/actions/change-sf-api-version"),
                ("PUT", mapping), ("PATCH", mapping),
                ("DELETE", mapping), ("POST", "\(mapping)/actions/reload"),
            ]
            for (method, path) in calls {
                #expect(try await reader.call(method, path, "{}").status == 403, "\(method) \(path)")
            }
            #expect(try await reader.call("POST", "/auth/anything").status == 200)
        }
    }

    @Test func `lists have pages, and are chosen by app and resource`() async throws {
        try await withWebRig { rig in
            _ = try await register(5, rig)
            let client = try await client(rig)
            let first = try await client.call("GET", "/connections?page_size=2").json
            #expect(first["count"]?.int == 5 && first["results"]?.array?.count == 2)
            #expect(first["previous"] == .null)
            let second = try await client.call("GET", try #require(first["next"]?.string)).json
            #expect(second["results"]?.array?.count == 2 && second["previous"]?.string != nil)
            let last = try await client.call("GET", try #require(second["next"]?.string)).json
            #expect(last["results"]?.array?.count == 1 && last["next"] == .null)
            for resource in ["salesforce00d000000000004eaa", "00D000000000004EAA", "00D000000000004"] {
                let found = try await client.call("GET", "/connections?resource_name=\(resource)").json
                #expect(found["results"]?.array?.first?["display_name"]?.string == "Acme 4", "\(resource)")
            }
            #expect(
                try await client.call("GET", "/connections?app=Acme%20Sync").json["count"]?.int == 5)
            #expect(try await client.call("GET", "/connections?app=other").json["count"]?.int == 0)
            #expect(try await client.call("GET", "/connections?page=x").status == 400)
        }
    }

    @Test func `bad input gets an error that names the problem`() async throws {
        try await withWebRig { rig in
            _ = try await register(1, rig)
            let client = try await client(rig)
            let connection = try #require(
                try await client.call("GET", "/api/v3/connections?deep=1").json["results"]?.array?.first)
            let path = try #require(connection["detail_url"]?.string)
            let mapping = try #require(connection["mappings"]?.array?.first?["detail_url"]?.string)
            func message(_ method: String, _ path: String, _ body: String) async throws -> String {
                let answer = try await client.call(method, path, body)
                #expect((400..<500).contains(answer.status), "\(answer.text)")
                return answer.json["message"]?.string ?? ""
            }
            #expect(try await message("POST", "\(path)/mappings", "{").contains("not JSON"))
            #expect(
                try await message("POST", "\(path)/mappings", #"{"object_name":"a b"}"#).contains(
                    "object_name"))
            #expect(
                try await message("POST", "\(path)/mappings", #"{"object_name":"Lead","config":{}}"#)
                    .contains("config.access"))
            #expect(
                try await message("PUT", mapping, #"{"access":"all","fields":{"Id":{}}}"#).contains("access"))
            #expect(try await message("PATCH", path, #"{"schema_name":"other"}"#).contains("schema_name"))
            #expect(try await message("PATCH", path, #"{"plan":"big"}"#).contains("plan"))
            #expect(
                try await message("POST", "\(path)/authorize_url", #"{"environment":"moon"}"#)
                    .contains("environment"))
            #expect(
                try await message(
                    "POST", "\(path)/authorize_url", #"{"environment":"custom","domain":"evil.example"}"#
                ).contains("domain"))
            for target in ["https://evil.example/", "//evil.example", "http://x\\n/"] {
                #expect(
                    try await message("POST", "\(path)/authorize_url", #"{"next":"\#(target)"}"#)
                        .contains("CONSENT_RETURN_ORIGINS"))
            }
            let difference = "\(path)/schema-diff"
            #expect(try await message("GET", difference, "").contains("target_version"))
            #expect(try await message("GET", "\(difference)?target_version=61.0", "").contains("60.0"))
            #expect(try await client.call("GET", "\(difference)?target_version=60.0").status == 200)
            for version in [#""61.0""#, "61", #""60.0""#] {
                let changed = try await client.call(
                    "POST", "\(path)/actions/change-sf-api-version", #"{"target_version":\#(version)}"#)
                #expect(changed.status == 409 && changed.text.contains("60.0"), "\(changed.text)")
            }
            #expect(try await message("POST", "\(path)/actions/import", "[]").contains("mappings") == false)
            #expect(try await client.call("GET", "/api/v3/connections/1").status == 404)
            #expect(try await client.call("GET", "/api/v3/mappings/1").status == 404)
            let unchanged = try await client.call(
                "PATCH", path, #"{"schema_name":"salesforce00d000000000001eaa","db_key":"DATABASE_URL"}"#)
            #expect(unchanged.status == 200)
        }
    }

    @Test func `notifications are filtered and acknowledged`() async throws {
        try await withWebRig { rig in
            let ids = try await register(1, rig)
            let client = try await client(rig)
            _ = try await rig.pool.execute(
                """
                insert into multiconnect.notifications (organization_id, event_type, message, created_at) values
                  (\(ids[0]), 'mapping_failed', 'one', '2026-01-01T00:00:00Z'),
                  (\(ids[0]), 'unauthorized', 'two', '2026-01-02T00:00:00Z')
                """)
            let path = try #require(
                try await client.call("GET", "/api/v3/connections").json["results"]?.array?.first?[
                    "notifications_url"]?.string)
            func messages(_ query: String) async throws -> [String?] {
                try await client.call("GET", "\(path)?\(query)").json["results"]?.array?.map {
                    $0["message"]?.string
                } ?? []
            }
            #expect(try await messages("page_size=1000") == ["two", "one"])
            for type in ["mapping-error", "mapping-failed", "mapping_failed"] {
                #expect(try await messages("event_type=\(type)") == ["one"])
            }
            #expect(try await messages("event_type=mapping").isEmpty)
            let first = try await client.call("GET", "\(path)?page_size=1").json
            #expect(first["count"]?.int == 2 && first["previous"] == .null)
            let second = try await client.call("GET", try #require(first["next"]?.string)).json
            #expect(second["results"]?.array?.map { $0["event_type"]?.string } == ["mapping-error"])
            #expect(second["next"] == .null && second["previous"]?.string?.contains("page=1") == true)
            #expect(try await messages("after=2026-01-01T12:00:00Z") == ["two"])
            #expect(try await messages("before=2026-01-01T12:00:00Z") == ["one"])
            let closed = try await client.call(
                "POST", "\(path)/acknowledge?event_type=mapping-failed")
            #expect(closed.status == 204 && closed.text.isEmpty)
            #expect(try await messages("") == ["two"])
            let actors: [String] = try await rig.pool.query(
                "select distinct actor from multiconnect.activity where action like 'notification%'"
            ).column()
            #expect(actors == ["token test"])
        }
    }

    @Test func `every error has a message, also one that is found before the route runs`() async throws {
        try await withWebRig { rig in
            _ = try await register(1, rig)
            let client = try await client(rig)
            func send(_ method: String, _ path: String, _ body: [UInt8], _ coding: String) async throws -> (
                status: Int, message: String?
            ) {
                let answer = try await rig.http.send(
                    ClientRequest(
                        method: method, url: rig.origin + path,
                        headers: [
                            ("Authorization", "Bearer \(client.token)"), ("Content-Encoding", coding),
                            ("Content-Type", "application/json"),
                        ], body: body))
                return (answer.status, try JSONValue(parsing: answer.body)["message"]?.string)
            }
            let connection = try #require(
                try await client.call("GET", "/api/v3/connections").json["results"]?.array?.first)
            let path = try #require(connection["detail_url"]?.string)
            #expect(connection["database"]?["port"]?.int ?? 0 > 0)
            #expect(connection["database"]?["database"]?.string == rig.pool.configuration.database)
            let packed = try GzipCommand.compress(Array(#"{"plan":"big"}"#.utf8))
            let bomb = try GzipCommand.compress([UInt8](repeating: 32, count: 32 << 20))
            for (body, coding, status, text) in [
                (packed, "gzip", 400, "plan cannot be changed"), (bomb, "gzip", 413, "decompressed"),
                (Array(packed.dropLast()), "gzip", 400, "too early"), (packed, "br", 415, "gzip"),
                (packed, "identity", 400, "not JSON"),
            ] {
                let answer = try await send("PATCH", path, body, coding)
                #expect(answer.status == status && answer.message?.contains(text) == true, "\(answer)")
            }
            for method in ["GET", "POST", "DELETE"] {
                let answer = try await rig.http.send(
                    ClientRequest(method: method, url: rig.origin + "/api/v3/nothing/here"))
                #expect(answer.status == 404)
                #expect(try JSONValue(parsing: answer.body)["message"]?.string?.isEmpty == false)
            }
            for path in ["/connections?resource_name=a%00b", "/api/v3/connections?resource_name=%00"] {
                let answer = try await client.call("GET", path)
                #expect(answer.status == 400 && answer.json["message"]?.string?.isEmpty == false, "\(path)")
            }
        }
    }
}
