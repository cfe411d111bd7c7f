import Encoding
import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect odata` and a service of a live tenant.
    @Suite(.tags(.process))
    struct ODataCommandTests {
        /// A client with credentials that a command has printed.
        private struct Client: Sendable {
            let rig: ApplicationRig
            let url: String
            let user: String
            let password: String

            init(_ rig: ApplicationRig, printed text: String) throws {
                let json = try JSONValue(parsing: Array(text.utf8))
                self.rig = rig
                url = try #require(json["url"]?.string)
                user = try #require(json["user"]?.string)
                password = try #require(json["password"]?.string)
            }

            func send(_ method: String, _ path: String, _ body: String = "") async throws -> (
                status: Int, json: JSONValue
            ) {
                var request = URLRequest(url: try #require(URL(string: url + path)))
                request.httpMethod = method
                if !body.isEmpty { request.httpBody = Data(body.utf8) }
                request.setValue("application/json", forHTTPHeaderField: "Content-Type")
                let credentials = Data("\(user):\(password)".utf8).base64EncodedString()
                request.setValue("Basic \(credentials)", forHTTPHeaderField: "Authorization")
                let answer = try await rig.deployment.send(request)
                return (answer.status, (try? JSONValue(parsing: Array(answer.text.utf8))) ?? .null)
            }
        }

        /// The status of a request for the service document. A URLSession never answers a 401 with a challenge
        /// for a user name, so this one is sent by curl.
        private func answer(to client: Client) throws -> String {
            let curl = try Program(
                "curl", "/usr/bin/curl",
                [
                    "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", "\(client.user):\(client.password)",
                    client.url,
                ])
            #expect(curl.exitStatus() == 0)
            return curl.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }

        @Test func `changes of external objects reach the org`() async throws {
            try await withApplication { rig in
                let (status, text) = try rig.command("odata", "create", rig.org.id, "sales", "--json")
                #expect(status == 0, "\(text)")
                let client = try Client(rig, printed: text)
                #expect(client.url.hasPrefix(try #require(rig.deployment.environment["APP_URL"])))
                #expect(client.user.count == 32 && client.password.count == 32)
                #expect(try rig.command("odata", "create", rig.org.id, "sales").status == 65)
                #expect(try rig.command("odata", "create", rig.org.id, "Sales").status == 64)
                let added = try rig.command(
                    "odata", "tables", rig.org.id, "sales", "account", "contact", "--write")
                #expect(added.status == 0 && added.output.contains("account: read and write"), "\(added)")
                for (arguments, code) in [
                    (["nothing"], 66), (["_trigger_log"], 66), (["account", "--columns", "secret"], 65),
                ] {
                    let answer = try Program.multiconnect(
                        ["odata", "tables", rig.org.id, "sales"] + arguments,
                        environment: rig.deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
                    #expect(answer.exitStatus() == code, "\(arguments): \(answer.output)")
                }

                let page = try await client.send(
                    "GET", "salesforce$account?$top=5&$count=true&$orderby=name")
                #expect(page.status == 200 && page.json["@odata.count"]?.int == 300)
                #expect(page.json["value"]?.array?.count == 5)
                let created = try await client.send(
                    "POST", "salesforce$contact", #"{"lastname":"O'Data","phone":"1"}"#)
                #expect(created.status == 201, "\(created.json)")
                let id = try #require(created.json["id"]?.int)
                try await rig.untilSynced("contact", "id = \(id)", 1)
                #expect(try await rig.records("Contact", by: "lastname")["O'Data"] != nil)
                let changed = try await client.send("PATCH", "salesforce$contact(\(id))", #"{"phone":"2"}"#)
                #expect(changed.status == 204)
                try await eventually(within: .seconds(25), "the org has the change") {
                    try await rig.records("Contact", by: "lastname")["O'Data"]?["phone"]?.string == "2"
                }
                #expect(try await client.send("DELETE", "salesforce$contact(\(id))").status == 204)
                try await eventually(within: .seconds(25), "the org has deleted it") {
                    try await rig.records("Contact", by: "lastname")["O'Data"] == nil
                }

                let shown = try rig.command("odata", "show", rig.org.id, "sales")
                #expect(shown.output.contains("salesforce$contact") && shown.output.contains(client.user))
                #expect(!shown.output.contains(client.password))
                for word in ["disable", "enable"] {
                    let turned = try rig.command("odata", word, rig.org.id, "sales")
                    #expect(turned.status == 0 && turned.output.contains("sales: \(word)d"), "\(turned)")
                    let isOn: Bool = try await rig.deployment.withConnection(rig.deployment.databaseURL) {
                        try await $0.query("select is_enabled from multiconnect.odata_services").scalar()
                    }
                    #expect(isOn == (word == "enable"))
                }
                let (rotated, new) = try rig.command("odata", "rotate", rig.org.id, "sales", "--json")
                #expect(rotated == 0)
                let other = try Client(rig, printed: new)
                #expect(other.password != client.password)
                try await eventually(within: .seconds(10), "the new credentials are known") {
                    try answer(to: other) == "200"
                }
                #expect(try answer(to: client) == "200", "10 minutes of overlap")
                #expect(try rig.command("odata", "list").output.contains("sales"))
                let removed = try rig.command("odata", "remove", rig.org.id, "sales")
                #expect(removed.status == 0)
                try await eventually(within: .seconds(10), "the service has ended") {
                    try answer(to: other) == "401"
                }
                #expect(try rig.command("odata", "show", rig.org.id, "sales").status == 66)
            }
        }
    }

    /// Clients of OData from PyPI. Skipped without `bin/setup --interop`.
    @Suite(.tags(.interop))
    struct ODataClientTests {
        @Test(.enabled(if: PythonClients.areInstalled, "bin/setup --interop installs the clients"))
        func `clients of both versions read and write`() async throws {
            try await withApplication { rig in
                let (status, text) = try rig.command("odata", "create", rig.org.id, "sales", "--json")
                #expect(status == 0)
                let tables = try rig.command(
                    "odata", "tables", rig.org.id, "sales", "account", "contact", "--write")
                #expect(tables.status == 0)
                let made = try JSONValue(parsing: Array(text.utf8))
                let check = try Program(
                    "check", PythonClients.python,
                    [
                        Program.repository.appendingPathComponent("Tests/Interop/odata_check.py").path,
                        try #require(made["url"]?.string), try #require(made["url_v2"]?.string),
                        try #require(made["user"]?.string), try #require(made["password"]?.string),
                    ])
                #expect(check.exitStatus() == 0, "\(check.output)")
                #expect(check.output.contains("ok odata 2") && check.output.contains("ok odata 4"))
            }
        }
    }
}
