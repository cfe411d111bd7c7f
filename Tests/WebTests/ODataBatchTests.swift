import Encoding
import Foundation
import HTTPClient
import OData
import Postgres
import Support
import TenantAdmin
import Testing

private let place = "salesforce$place"

/// Batches of requests for external objects.
@Suite(.tags(.store))
struct ODataBatchTests {
    /// Sends a JSON batch. Returns the responses.
    private func json(
        _ odata: ODataRig, _ requests: String, _ headers: [(name: String, value: String)] = []
    ) async throws -> [JSONValue] {
        let answer = try await odata.send(
            "POST", odata.root + "$batch", "{\"requests\":[\(requests)]}", headers)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.headers["odata-version"] == "4.0")
        return try JSONValue(parsing: answer.body)["responses"]?.array ?? []
    }

    private func multipart(
        _ odata: ODataRig, _ root: String, _ parts: [String],
        _ headers: [(name: String, value: String)] = []
    ) async throws -> ClientResponse {
        let body = parts.map { "--batch\r\n\($0)\r\n" }.joined() + "--batch--\r\n"
        return try await odata.send(
            "POST", root + "$batch", body,
            [("Content-Type", "multipart/mixed; boundary=batch")] + headers)
    }

    private func part(_ request: String, id: String? = nil) -> String {
        "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
            + (id.map { "Content-ID: \($0)\r\n" } ?? "") + "\r\n"
            + request.replacing("\n", with: "\r\n") + "\r\n"
    }

    private func changes(_ parts: [String]) -> String {
        "Content-Type: multipart/mixed; boundary=changes\r\n\r\n"
            + parts.map { "--changes\r\n\($0)\r\n" }.joined() + "--changes--\r\n"
    }

    private func post(_ body: String) -> String {
        "POST \(place) HTTP/1.1\nContent-Type: application/json\nAccept: application/json\n\n\(body)"
    }

    @Test func `reads and changes are answered in order, with their own status`() async throws {
        try await withODataService { odata in
            let found = try await json(
                odata,
                """
                {"id":"a","method":"GET","url":"\(place)(1)?$select=id,name"},
                {"id":"b","method":"GET","url":"\(place)/$count"},
                {"id":"c","method":"POST","url":"\(odata.root)\(place)","body":{"name":"batched"}},
                {"id":"d","method":"PATCH","url":"$c","body":{"kind":"later"}},
                {"id":"e","method":"GET","url":"\(odata.rig.origin)\(odata.root)\(place)?$filter=kind eq 'later'"},
                {"id":"f","method":"DELETE","url":"$c"}
                """)
            #expect(found.map { $0["id"]?.string } == ["a", "b", "c", "d", "e", "f"])
            #expect(found.map { $0["status"]?.int } == [200, 200, 201, 204, 200, 204], "\(found)")
            #expect(found.first?["body"]?["name"]?.string == "P001")
            #expect(found[1]["body"]?.string == "30")
            #expect(found[2]["headers"]?["location"]?.string?.hasSuffix("\(place)(31)") == true)
            #expect(found[4]["body"]?["value"]?.array?.count == 1)
            #expect(try await odata.places() == 30)
        }
    }

    @Test func `a batch ends behind a failure, unless the client wants to continue`() async throws {
        try await withODataService { odata in
            let requests = """
                {"id":"1","method":"GET","url":"\(place)(99)"},
                {"id":"2","method":"POST","url":"\(place)","body":{"name":"x"}},
                {"id":"3","method":"GET","url":"\(place)(1)","dependsOn":["1"]}
                """
            #expect(try await json(odata, requests).map { $0["status"]?.int } == [404])
            #expect(try await odata.places() == 30)
            let all = try await json(odata, requests, [("Prefer", "odata.continue-on-error")])
            #expect(all.map { $0["status"]?.int } == [404, 201, 424])
            #expect(all.last?["body"]?["error"]?["message"]?.string?.contains("1 did not succeed") == true)
            let old = try await multipart(
                odata, odata.oldRoot,
                [part("GET \(place)(99L) HTTP/1.1\nAccept: application/json"), part(post(#"{"name":"y"}"#))])
            #expect(old.status == 202 && old.text.contains("HTTP/1.1 404 Not Found"))
            #expect(old.text.contains("HTTP/1.1 201 Created"), "\(old.text)")
        }
    }

    @Test func `the changes of a group happen all or not at all`() async throws {
        try await withODataService { odata in
            let good = """
                {"id":"1","atomicityGroup":"g","method":"POST","url":"\(place)","body":{"name":"one"}},
                {"id":"2","atomicityGroup":"g","method":"PATCH","url":"$1","body":{"kind":"both"}}
                """
            #expect(try await json(odata, good).map { $0["status"]?.int } == [201, 204])
            #expect(try await odata.ids(place, ["$filter": "kind eq 'both'"]).count == 1)
            let bad = try await json(
                odata,
                """
                {"id":"1","atomicityGroup":"g","method":"POST","url":"\(place)","body":{"name":"two"}},
                {"id":"2","atomicityGroup":"g","method":"PATCH","url":"\(place)(99)","body":{"kind":"x"}},
                {"id":"3","atomicityGroup":"g","method":"POST","url":"\(place)","body":{"name":"three"}}
                """)
            #expect(bad.map { $0["status"]?.int } == [424, 404, 424], "\(bad)")
            #expect(bad.allSatisfy { $0["atomicityGroup"]?.string == "g" })
            for root in [odata.root, odata.oldRoot] {
                let failed = try await multipart(
                    odata, root,
                    [changes([part(post(#"{"name":"four"}"#), id: "1"), part(post(#"{"kind":"no name"}"#))])])
                #expect(failed.text.contains("HTTP/1.1 400 Bad Request"), "\(failed.text)")
                #expect(!failed.text.contains("201 Created") && !failed.text.contains("HTTP/1.1 424"))
                let done = try await multipart(
                    odata, root,
                    [
                        changes([
                            part(post(#"{"name":"five"}"#), id: "1"),
                            part(
                                "MERGE $1 HTTP/1.1\nContent-Type: application/json\n\n{\"kind\":\"five\"}",
                                id: "2"),
                        ]), part("GET \(place)/$count HTTP/1.1"),
                    ])
                #expect(done.status == (root == odata.root ? 200 : 202), "\(done.text)")
                #expect(done.headers["content-type"]?.hasPrefix("multipart/mixed; boundary=") == true)
                #expect(done.text.contains("Content-ID: 1\r\n\r\nHTTP/1.1 201 Created"))
                #expect(done.text.contains("Content-ID: 2\r\n\r\nHTTP/1.1 204 No Content"))
            }
            #expect(try await odata.places() == 33)
            #expect(try await odata.ids(place, ["$filter": "kind eq 'five'"]).count == 2)
        }
    }

    @Test func `each request is checked and counted as one of its own`() async throws {
        try await withODataService({ $0.hourlyRequests = 6 }) { odata in
            let found = try await json(
                odata,
                """
                {"id":"1","method":"POST","url":"salesforce$account","body":{"name":"x"}},
                {"id":"2","method":"GET","url":"salesforce$hidden"},
                {"id":"3","method":"GET","url":"/odata/v4/other/\(place)"},
                {"id":"4","method":"GET","url":"https://elsewhere.example/\(place)"},
                {"id":"5","method":"GET","url":"\(place)?$filter=secret eq 'hidden'"},
                {"id":"6","method":"POST","url":"$batch","body":{"requests":[]}},
                {"id":"7","method":"GET","url":"\(place)(1)","headers":{"authorization":"Basic eDp4"}},
                {"id":"8","method":"GET","url":"\(place)(1)"}
                """, [("Prefer", "odata.continue-on-error")])
            #expect(
                found.map { $0["status"]?.int } == [403, 404, 404, 404, 400, 501, 200, 429], "\(found)")
            #expect(found.last?["headers"]?["retry-after"]?.string != nil)
            #expect(try await odata.get(place).status == 429)
        }
    }

    @Test func `a batch needs credentials and a token as other requests do, and has limits`() async throws {
        try await withODataService { odata in
            var wrong = odata
            wrong.password = "wrong"
            let body = #"{"requests":[{"id":"1","method":"GET","url":"salesforce$place"}]}"#
            #expect(try await wrong.send("POST", odata.root + "$batch", body).status == 401)
            let write = "{\"requests\":[{\"id\":\"1\",\"method\":\"DELETE\",\"url\":\"\(place)(1)\"}]}"
            let browser = try await odata.send(
                "POST", odata.root + "$batch", write, [("Origin", "https://evil.example")])
            #expect(browser.status == 403)
            let fetched = try await odata.send("GET", odata.root, "", [("X-CSRF-Token", "Fetch")])
            let token = try #require(fetched.headers["x-csrf-token"])
            let allowed = try await odata.send(
                "POST", odata.root + "$batch", write,
                [("Origin", "https://x.example"), ("X-CSRF-Token", token)])
            #expect(allowed.status == 200 && allowed.text.contains(#""status":204"#), "\(allowed.text)")
            let many = (0...100).map { "{\"id\":\"\($0)\",\"method\":\"GET\",\"url\":\"\(place)(2)\"}" }
            let cases: [(String, String, String, Int)] = [
                (odata.root, "application/json", "{\"requests\":[\(many.joined(separator: ","))]}", 400),
                (odata.root, "application/json", "{", 400), (odata.root, "text/plain", body, 415),
                (odata.oldRoot, "application/json", body, 415),
                (odata.root, "multipart/mixed", "--b--", 400),
                (odata.root, "multipart/mixed; boundary=b", "--c--", 400),
            ]
            for (root, type, body, status) in cases {
                let answer = try await odata.send("POST", root + "$batch", body, [("Content-Type", type)])
                #expect(answer.status == status, "\(type) \(body.prefix(20)): \(answer.text)")
            }
            #expect(try await odata.send("GET", odata.root + "$batch").status == 405)
            #expect(try await json(odata, "").isEmpty)
            #expect(try await odata.places() == 29)
        }
    }

    @Test func `after its time the rest of a batch is refused, and can be sent again`() async throws {
        try await withODataService(options: { $0.batchLimits.time = .seconds(1) }) { odata in
            _ = try await odata.rig.pool.execute(
                """
                create or replace view \(identifier: OperatorBrowser.schema, "row_name") as
                select id, name from \(identifier: OperatorBrowser.schema, "account"), pg_sleep(1.2)
                """)
            let slow = #"{"id":"1","method":"GET","url":"salesforce$row_name/$count"}"#
            let rest = #"{"id":"2","method":"POST","url":"\#(place)","body":{"name":"late"}}"#
            let found = try await json(
                odata, "\(slow),\(rest)", [("Prefer", "odata.continue-on-error")])
            #expect(found.map { $0["status"]?.int } == [200, 503], "\(found)")
            #expect(found.last?["headers"]?["retry-after"]?.string == "1")
            #expect(try await odata.places() == 30)
            #expect(try await json(odata, rest).map { $0["status"]?.int } == [201])
        }
    }

    @Test func `above the size of the answers the rest of a batch is refused`() async throws {
        try await withODataService(options: { $0.batchLimits.answerBytes = 4_000 }) { odata in
            let list = #""method":"GET","url":"\#(place)""#
            let write = #""method":"POST","url":"\#(place)","body":{"name":"late"}"#
            let found = try await json(
                odata, #"{"id":"1",\#(list)},{"id":"2",\#(write)},{"id":"3",\#(list)}"#,
                [("Prefer", "odata.continue-on-error")])
            #expect(found.map { $0["status"]?.int } == [200, 413, 413], "\(found)")
            #expect(found.last?["body"]?["error"]?["message"]?.string?.contains("too large") == true)
            #expect(try await odata.places() == 30)
        }
    }

    @Test func `a batch has a minute, and answers of 16 MB`() {
        #expect(BatchLimits().time == .seconds(60) && BatchLimits().answerBytes == 16 << 20)
    }

    @Test func `a constraint that is checked at the commit undoes the whole group`() async throws {
        try await withODataService { odata in
            _ = try await odata.rig.pool.execute(
                """
                alter table \(identifier: OperatorBrowser.schema, "place")
                add constraint unique_kind unique (kind, name) deferrable initially deferred
                """)
            let found = try await json(
                odata,
                """
                {"id":"1","atomicityGroup":"g","method":"POST","url":"\(place)","body":{"name":"n","kind":"k"}},
                {"id":"2","atomicityGroup":"g","method":"POST","url":"\(place)","body":{"name":"n","kind":"k"}}
                """)
            #expect(found.map { $0["status"]?.int } == [409, 424], "\(found)")
            #expect(try await odata.places() == 30)
        }
    }
}
