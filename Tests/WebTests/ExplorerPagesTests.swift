import Cryptography
import Foundation
import HTTPClient
import Postgres
import Support
import Testing

/// The rows of a tenant on the dashboard.
@Suite(.tags(.store))
struct ExplorerPagesTests {
    private static let path = "/dashboard/tenants/\(OperatorBrowser.org)/rows"

    private func ids(_ page: ClientResponse) -> [Int] {
        page.text.matches(of: /rows\/account\/([0-9]+)"/).compactMap { Int($0.output.1) }
    }

    @Test func `rows are browsed page by page, with their sync state and waiting changes`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let tables = try await browser.get(Self.path)
            #expect(
                tables.status == 200 && tables.text.contains("rows/account") && tables.text.contains("120"))
            var next: String? = "\(Self.path)/account"
            var seen: [Int] = []
            while let path = next {
                let page = try await browser.get(path)
                #expect(page.status == 200 && page.text.contains("SYNCED"))
                seen += ids(page)
                next = page.text.firstMatch(of: /href="([^"]*before=[^"]*)"/).map {
                    String($0.output.1).replacing("&amp;", with: "&")
                }
            }
            #expect(seen == Array((1...120).reversed()))
            let failed = try await browser.get("\(Self.path)/account?err=on&op=FAILED")
            #expect(ids(failed) == [7] && failed.text.contains("<b>2</b>"), "two changes wait")
            #expect(!failed.text.contains("<script>") && !failed.text.contains("<b>no</b>"))
            let row = try await browser.get("\(Self.path)/account/7")
            #expect(
                row.text.contains("industry") && row.text.contains("UPDATE") && row.text.contains("FAILED"))
            #expect(!row.text.contains("<script>"))
        }
    }

    @Test func `rows are found by sfid and id, long values are cut, and wrong values are named`() async throws
    {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let found = try await browser.get("\(Self.path)/account?sfid=001000000000005AAA")
            #expect(ids(found) == [5] && found.text.contains(String(repeating: "x", count: 120)))
            #expect(!found.text.contains(String(repeating: "x", count: 121)))
            #expect(ids(try await browser.get("\(Self.path)/account?id=9")) == [9])
            #expect(
                try await browser.get("\(Self.path)/account?id=9&sfid=001000000000005AAA").text.contains(
                    "No row matches"))
            let views = try await browser.texts(
                "select detail from multiconnect.activity where action = 'rows_viewed'")
            for wrong in ["sfid=abc", "id=seven", "id=99999999999"] {
                let page = try await browser.get("\(Self.path)/account?\(wrong)")
                #expect(page.text.contains("is not") && ids(page).isEmpty, "\(wrong)")
            }
            #expect(
                views == [
                    "account: sfid 001000000000005AAA", "account: id 9",
                    "account: sfid 001000000000005AAA, id 9",
                ])
            #expect(
                try await browser.texts(
                    "select detail from multiconnect.activity where action = 'rows_viewed'"
                ).count
                    == views.count, "a page without rows is not recorded")
            for missing in ["nothing", "_trigger_log", "account/9999", "account/x"] {
                #expect(
                    [400, 404].contains(try await browser.get("\(Self.path)/\(missing)").status), "\(missing)"
                )
            }
        }
    }

    @Test func `a search without an index ends after some seconds, and a locked table is named`() async throws
    {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let pool = browser.rig.pool
            try await pool.transaction { connection in
                try await connection.script(
                    "lock table \(OperatorBrowser.schema).account in access exclusive mode")
                let page = try await browser.get("\(Self.path)/account")
                #expect(page.status == 200 && page.text.contains("locked by another session"))
            }
            #expect(try await browser.get("\(Self.path)/account").text.contains("SYNCED"))
        }
    }

    @Test func `each view is recorded with the operator, and viewers see no rows`() async throws {
        try await withOperator({ $0.viewers = ("vic", Secret(text: "only looking")) }) { browser in
            try await browser.addTenantWithTable()
            _ = try await browser.get("\(Self.path)/account?op=FAILED")
            _ = try await browser.get("\(Self.path)/account/7")
            #expect(
                try await browser.texts(
                    "select actor || ': ' || detail from multiconnect.activity where action = 'rows_viewed' order by id"
                )
                    == ["ann (web): account: last op FAILED", "ann (web): account: id 7"])
            let viewer = ("Authorization", "Basic " + Data("vic:only looking".utf8).base64EncodedString())
            for path in [Self.path, "\(Self.path)/account", "\(Self.path)/account/7"] {
                let page = try await browser.rig.get(path, [viewer])
                #expect(page.status == 403 && !page.text.contains("SYNCED"), "\(path)")
            }
            let tenant = "/dashboard/tenants/\(OperatorBrowser.org)"
            #expect(try await !browser.rig.get(tenant, [viewer]).text.contains("Browse rows"))
            #expect(try await browser.get(tenant).text.contains("Browse rows"))
        }
    }

    @Test func `the explorer can be switched off`() async throws {
        try await withOperator({ $0.showsRows = false }) { browser in
            try await browser.addTenantWithTable()
            let page = try await browser.get("\(Self.path)/account")
            #expect(page.status == 404 && page.text.contains("DASHBOARD_EXPLORER is off"))
            #expect(
                try await !browser.get("/dashboard/tenants/\(OperatorBrowser.org)").text.contains(
                    "Browse rows"))
        }
    }
}
