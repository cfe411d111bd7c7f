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

    @Test func `a lost response closes the connection, and the call was carried out`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let path = "/services/data/v66.0/sobjects/Account"
            let fault = #"{"kind":"lost_response","path":"/sobjects"}"#
            _ = try await running.send("POST", "/simulator/faults", body: fault)
            let error = await #expect(throws: HTTPClientError.self) {
                _ = try await running.send("POST", path, token: token, body: #"{"Name":"Lost"}"#)
            }
            #expect(error?.code == .interrupted)
            let writes = try await running.send("GET", "/simulator/orgs/1/writes")
            #expect(JSONValue.parse(writes.body)?.elements.map { $0["fields"]?["Name"] } == ["Lost"])
            #expect(
                try await running.send("POST", path, token: token, body: #"{"Name":"Next"}"#).status == 201)
        }
    }

    @Test func `a slow write call delays no other call`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let settings = #"{"kind":"settings","settings":{"writeDelay":400}}"#
            _ = try await running.send("POST", "/simulator/orgs/1/changes", body: settings)
            let path = "/services/data/v66.0/sobjects/Account"
            let start = ContinuousClock.now
            async let first = running.send("POST", path, token: token, body: #"{"Name":"One"}"#)
            async let second = running.send("POST", path, token: token, body: #"{"Name":"Two"}"#)
            #expect(try await running.send("GET", path + "/describe", token: token).status == 200)
            let read = ContinuousClock.now - start
            #expect(try await first.status == 201)
            #expect(try await second.status == 201)
            let written = ContinuousClock.now - start
            #expect(written >= .milliseconds(390))
            #expect(read < written)
        }
    }

    @Test func `a Bulk job is carried out without polls`() async throws {
        try await withSimulator { running in
            let token = try await running.token()
            let base = "/services/data/v66.0/jobs/ingest"
            let created = try await running.send(
                "POST", base, token: token, body: #"{"object":"Account","operation":"insert"}"#)
            let job = "\(base)/\(try #require(JSONValue.parse(created.body)?["id"]?.text))"
            let upload = try await running.client.send(
                ClientRequest(
                    method: "PUT", url: running.origin + job + "/batches",
                    headers: [
                        (name: "Authorization", value: "Bearer \(token)"),
                        (name: "Content-Type", value: "text/csv"),
                    ], body: Array(("Name\n" + (0..<1000).map { "n\($0)\n" }.joined()).utf8)))
            #expect(upload.status == 201)
            _ = try await running.send("PATCH", job, token: token, body: #"{"state":"UploadComplete"}"#)
            try await eventually("all rows are written") {
                let writes = try await running.send("GET", "/simulator/orgs/1/writes?after=999")
                return JSONValue.parse(writes.body)?.elements.count == 1
            }
            _ = try await running.send("GET", job, token: token)
            let state = try await running.send("GET", job, token: token)
            #expect(JSONValue.parse(state.body)?["state"] == "JobComplete")
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
