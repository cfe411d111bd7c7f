import Testing

@testable import Salesforce

struct AnswerTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `a query page names its next page`() throws {
        let first = try QueryPage(
            parsing: bytes(
                #"{"totalSize":3,"done":false,"nextRecordsUrl":"/services/data/v60.0/query/01g-2","records":[{"Id":"1"}]}"#
            ))
        #expect(first.next == "/services/data/v60.0/query/01g-2")
        #expect(first.totalSize == 3)
        let last = try QueryPage(parsing: bytes(#"{"totalSize":3,"done":true,"records":[]}"#))
        #expect(last.next == nil)
    }

    @Test(arguments: [
        #"{"totalSize":3,"done":false,"records":[]}"#, #"{"done":true,"records":[]}"#, "[]",
        #"{"totalSize":1,"done":false,"nextRecordsUrl":"https://evil.example/services/data/","records":[]}"#,
    ])
    func `a malformed query page is refused`(text: String) {
        #expect(throws: SalesforceError.self) { try QueryPage(parsing: bytes(text)) }
    }

    @Test func `a Bulk job is parsed`() throws {
        let job = try BulkJob(
            parsing: bytes(
                #"""
                {"id":"750R0000000zw4yIAA","operation":"query","object":"Account","state":"JobComplete",
                "apiVersion":60.0,"jobType":"V2Query","numberRecordsProcessed":500}
                """#))
        #expect(job.state == .jobComplete && job.state.isFinal)
        #expect(job.recordsProcessed == 500)
        #expect(job.version == .pinned)
        try job.checkSucceeded()
        let failed = try BulkJob(
            parsing: bytes(#"{"id":"750R0000000zw4yIAA","state":"Failed","errorMessage":"x"}"#))
        #expect(throws: SalesforceError.self) { try failed.checkSucceeded() }
        #expect(throws: SalesforceError.self) {
            try BulkJob(parsing: bytes(#"{"id":"750R0000000zw4yIAA","state":"New"}"#))
        }
    }

    @Test func `the locators of result pages are decoded`() throws {
        let pages = try ResultPages(
            parsing: bytes(
                #"""
                {"resultPages":[{"resultUrl":"/services/data/v60.0/jobs/query/750/results"},
                {"resultUrl":"/services/data/v60.0/jobs/query/750/results?maxRecords=1&locator=aB%3DcD"}],
                "nextRecordsUrl":"/services/data/v60.0/jobs/query/750/resultpages?locator=Yc","done":false}
                """#))
        #expect(pages.locators == [nil, "aB=cD"])
        #expect(pages.next == "/services/data/v60.0/jobs/query/750/resultpages?locator=Yc")
        #expect(try ResultPages(parsing: bytes(#"{"resultPages":[],"done":true}"#)).next == nil)
        #expect(throws: SalesforceError.self) {
            try ResultPages(parsing: bytes(#"{"resultPages":[],"done":false}"#))
        }
    }

    @Test func `a call's address has path and query and a maximum length`() throws {
        let origin = try Origin(host: "x.my.salesforce.com")
        var call = APICall(path: "/services/data/v60.0/query")
        call.query = [("q", "SELECT Id")]
        #expect(
            try call.url(at: origin) == "https://x.my.salesforce.com/services/data/v60.0/query?q=SELECT%20Id")
        call.query = [("q", String(repeating: "x", count: 16_000))]
        #expect(throws: SalesforceError.self) { try call.url(at: origin) }
        #expect(throws: SalesforceError.self) { try APICall(path: "@evil.example/").url(at: origin) }
        #expect(throws: SalesforceError.self) { try APICall(path: "/a b").url(at: origin) }
    }
}
