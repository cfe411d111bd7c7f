import Encoding
import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Heroku Connect's API with a worker behind it, as its command line plugin and other clients call it.
    @Suite(.tags(.process))
    struct ConnectAPITests {
        /// A client with a token.
        private struct Client: Sendable {
            let rig: ApplicationRig
            let token: String

            func call(
                _ method: String, _ path: String, _ body: String = ""
            ) async throws -> (status: Int, json: JSONValue, text: String) {
                let url = path.hasPrefix("http") ? path : rig.deployment.environment["APP_URL"]! + path
                var request = URLRequest(url: URL(string: url)!)
                request.httpMethod = method
                if !body.isEmpty { request.httpBody = Data(body.utf8) }
                request.setValue("application/json", forHTTPHeaderField: "Content-Type")
                request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
                let answer = try await rig.deployment.send(request)
                let problems = try OpenAPIDocument.current.get().problems(
                    method, path, status: answer.status, body: Array(answer.text.utf8))
                #expect(problems.isEmpty, "\(problems)")
                let json = (try? JSONValue(parsing: Array(answer.text.utf8))) ?? .null
                return (answer.status, json, answer.text)
            }

            /// The members that the plugin reads of a connection.
            func connection() async throws -> JSONValue {
                let found = try await call("GET", "/connections").json["results"]?.array?.first
                let url = try #require(found?["detail_url"]?.string)
                return try await call("GET", "\(url)?deep=true").json
            }

            func mapping(_ object: String) async throws -> JSONValue? {
                try await connection()["mappings"]?.array?.first { $0["object_name"]?.string == object }
            }
        }

        private func token(_ rig: ApplicationRig, _ arguments: String...) throws -> String {
            let program = try Program.multiconnect(
                ["tokens", "create"] + arguments,
                environment: rig.deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
            #expect(program.exitStatus() == 0, "\(program.output)")
            return program.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }

        @Test func `clients of Heroku Connect find, change, pause and export a connection`() async throws {
            try await withApplication { rig in
                let client = Client(rig: rig, token: try token(rig, "terraform", "--scope", "write"))
                let detail = try await client.connection()
                let name = try #require(detail["app_name"]?.string)
                let found = try await client.call("POST", "/auth/\(name)")
                #expect(found.status == 200 && found.json["connections"]?.array?.count == 1)
                #expect(detail["state"]?.string == "IDLE", "\(detail)")
                #expect(detail["schema_name"]?.string == rig.org.schema)
                #expect(detail["sf_info"]?["organization_id"]?.string == rig.org.id)
                let path = try #require(detail["detail_url"]?.string)
                #expect(detail["mappings"]?.array?.count == 2)
                try await eventually(within: .seconds(20), "accounts are synced") {
                    try await client.mapping("Account")?["state"]?.string == "DATA_SYNCED"
                }
                #expect(try await client.mapping("Account")?["counts"]?["db"]?.int == 300)

                let created = try await client.call(
                    "POST", "\(path)/mappings",
                    #"{"object_name":"Tweet__c","config":{"access":"read_only","sf_polling_seconds":"60","fields":{"Id":{},"Name":{},"SystemModstamp":{}},"indexes":{}}}"#
                )
                #expect(created.status == 201, "\(created.text)")
                let mapping = try #require(created.json["detail_url"]?.string)
                #expect(created.json["config"]?["sf_polling_seconds"]?.int == 60)
                try await eventually(within: .seconds(20), "the new table has rows") {
                    (try? await rig.app("select count(*) from T.tweet__c").scalar(as: Int.self)) == 5
                }
                let same = try await client.call(
                    "POST", "\(path)/mappings", #"{"object_name":"tweet__C","config":{}}"#)
                #expect(same.status == 409)
                let changed = try await client.call("PATCH", mapping, #"{"sf_polling_seconds":90}"#)
                #expect(changed.status == 200 && changed.json["sf_polling_seconds"]?.int == 90)
                #expect(changed.json["config"]?["fields"]?["Name"] != nil)
                let added = try await client.call(
                    "PATCH", mapping, #"{"config":{"fields":{"CreatedDate":{}}}}"#)
                #expect(added.status == 200, "\(added.text)")
                let fields = added.json["config"]?["fields"]?.object?.keys.sorted()
                #expect(fields == ["CreatedDate", "Id", "Name", "SystemModstamp"])
                for (body, name) in [
                    (#"{"config":{"fields":{"Nope__c":{}}}}"#, "Nope__c"),
                    (#"{"config":{"upsert_field":"Nope__c"}}"#, "Nope__c"),
                    (#"{"config":{"upsert_field":"CreatedDate"}}"#, "CreatedDate"),
                ] {
                    let refused = try await client.call("PATCH", mapping, body)
                    #expect(refused.status == 422, "\(body): \(refused.text)")
                    #expect(refused.json["message"]?.string?.contains(name) == true, "\(refused.text)")
                }
                let unknown = try await client.call(
                    "POST", "\(path)/mappings",
                    #"{"object_name":"Nothing__c","config":{"access":"read_only","fields":{"Id":{}}}}"#)
                #expect(unknown.status == 422, "\(unknown.text)")
                let reloaded = try await client.call("POST", "\(mapping)/actions/reload")
                #expect(reloaded.status == 202)

                let exported = try await client.call("GET", "\(path)/actions/export")
                #expect(exported.json["version"]?.int == 1)
                let imported = try await client.call("POST", "\(path)/actions/import", exported.text)
                #expect(imported.status == 202 && imported.text.isEmpty)
                // A text that JSON allows and Postgres does not (SQLSTATE class 22).
                let wrong = try await client.call(
                    "POST", "\(path)/actions/import",
                    #"{"mappings":[],"connection":{"name":"a\u0000"},"version":1}"#)
                #expect(wrong.status == 400 && wrong.json["message"]?.string != nil, "\(wrong.text)")

                #expect(try await client.call("POST", "\(path)/actions/pause").status == 202)
                #expect(try await client.connection()["state"]?.string == "PAUSED")
                #expect(try await client.call("POST", "\(path)/actions/resume").status == 202)
                try await eventually(within: .seconds(10), "it is resumed") {
                    try await client.connection()["state"]?.string == "IDLE"
                }
                #expect(try await client.call("POST", "\(path)/actions/restart").status == 202)

                #expect(try await client.call("DELETE", mapping).status == 204)
                try await eventually(within: .seconds(20), "the mapping and its table are gone") {
                    let table = try await rig.app(
                        "select to_regclass('T.tweet__c') is null"
                    ).scalar(as: Bool.self)
                    return try await client.mapping("Tweet__c") == nil && table
                }
                #expect(try await client.call("GET", mapping).status == 404)
            }
        }

        @Test func `write errors, checks, fields and the link for consent are shown`() async throws {
            try await withApplication { rig in
                let client = Client(rig: rig, token: try token(rig, "scripts", "--scope", "write"))
                let detail = try await client.connection()
                let path = try #require(detail["detail_url"]?.string)
                let appName = try #require(detail["app_name"]?.string)
                try await rig.app("update T.contact set lastname = null where id = 1")
                try await eventually(within: .seconds(20), "the error is listed") {
                    try await client.call("GET", "\(path)/errors").json["count"]?.int == 1
                }
                let error = try #require(
                    try await client.call("GET", "\(path)/errors").json["results"]?.array?.first)
                #expect(error["table_name"]?.string == "contact" && error["record_id"]?.string == "1")
                #expect(error["message"]?.string?.isEmpty == false)
                let account = try #require(try await client.mapping("Account"))
                #expect(account["counts"]?["errors"]?.int == 0)
                let contact = try #require(try await client.mapping("Contact"))
                #expect(contact["counts"]?["errors"]?.int == 1)
                let mappingErrors = try #require(contact["errors_url"]?.string)
                #expect(try await client.call("GET", mappingErrors).json["count"]?.int == 1)

                let started = try await client.call("POST", "\(path)/validations")
                #expect(started.status == 202)
                let result = try await client.call("GET", try #require(started.json["result_url"]?.string))
                #expect(result.status == 200 && result.json["passes"]?.array?.isEmpty == false)
                #expect(result.json["mappings"]?["Account"]?["passes"]?.array?.isEmpty == false)
                let own = try await client.call(
                    "GET", "\(try #require(contact["detail_url"]?.string))/validations")
                #expect(own.status == 200 && own.json["errors"]?.array?.isEmpty == true, "\(own.text)")
                let diagnosed = try rig.command("organizations", "diagnose", rig.org.id, "-v")
                #expect(diagnosed.status == 0, "\(diagnosed.output)")
                #expect(diagnosed.output.contains("GREEN: Salesforce Permissions\n"), "\(diagnosed.output)")
                #expect(diagnosed.output.contains("SKIPPED: Log Drain\n"))
                let document = try rig.command("organizations", "diagnose", rig.org.id, "--json")
                let json = try JSONValue(parsing: Array(document.output.utf8))
                #expect(json["mappings"]?.object?.keys.sorted() == ["Account", "Contact"])
                try await rig.app("drop index T.hcu_idx_account_external_id__c")
                let broken = try rig.command("organizations", "diagnose", rig.org.id)
                #expect(broken.status == 1, "\(broken.output)")
                #expect(broken.output.contains("RED: Index of the Unique Identifier (Account)\n"))

                let schema = try await client.call("GET", try #require(account["schema_url"]?.string))
                let name = schema.json["fields"]?.array?.first { $0["name"]?.string == "Name" }
                #expect(name?["required"]?.bool == true && name?["type"]?.string == "string")
                let link = try await client.call(
                    "POST", "\(path)/authorize_url", #"{"environment":"sandbox","next":"/done"}"#)
                #expect(
                    link.json["redirect"]?.string?.hasSuffix(
                        "/authenticate?environment=sandbox&org_id=\(rig.org.id)&next=%2Fdone") == true)
                let difference = try await client.call("GET", "\(path)/schema-diff?target_version=60.0")
                #expect(difference.json["mappings"]?.array?.count == 2)
                let app = try await client.call("GET", "/api/v3/apps/\(appName)")
                #expect(app.json["db_keys"]?.array?.first?["name"]?.string == "DATABASE_URL")

                let reader = Client(rig: rig, token: try token(rig, "bi", "--organization", rig.org.id))
                #expect(try await reader.call("GET", path).status == 200)
                let refused = try await reader.call("POST", "\(path)/actions/pause")
                #expect(refused.status == 403 && refused.json["message"]?.string?.contains("bi") == true)
                let (status, list) = try rig.command("tokens", "list")
                #expect(status == 0 && list.contains("bi") && list.contains("read"), "\(list)")
                #expect(try rig.command("tokens", "revoke", "bi").status == 0)
                #expect(try await reader.call("GET", path).status == 401)
            }
        }
    }
}
