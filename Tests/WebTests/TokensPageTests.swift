import Foundation
import HTTPClient
import Postgres
import Support
import Testing

/// API tokens on the dashboard.
@Suite(.tags(.store))
struct TokensPageTests {
    private let path = "/dashboard/tokens"

    /// The token that a page shows.
    private func shownToken(_ page: ClientResponse) -> String? {
        page.text.firstMatch(of: /<pre>(mct_[A-Za-z0-9_-]+)<\/pre>/).map { String($0.output.1) }
    }

    @Test func `a token is made, shown once, used and revoked`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let made = try await browser.post(
                path, ["name": "<b>terraform</b>", "scope": "write", "days": "30", "tenants": ""])
            #expect(made.status == 200 && made.headers["cache-control"]?.contains("no-store") == true)
            let token = try #require(shownToken(made))
            let page = try await browser.get(path)
            #expect(!page.text.contains(token) && page.text.contains("&lt;b&gt;terraform"))
            #expect(page.text.contains("ann (web)"))
            func list() async throws -> Int {
                try await browser.rig.get("/connections", [("Authorization", "Bearer \(token)")]).status
            }
            #expect(try await list() == 200)
            let id: String = try await browser.rig.pool.query(
                "select id::text from multiconnect.api_tokens"
            ).scalar()
            let revoked = try await browser.post("\(path)/revoke", ["token": id])
            #expect(revoked.status == 303)
            #expect(try await list() == 401)
            #expect(try await browser.get(path).text.contains("revoked"))
            let again = try await browser.post("\(path)/revoke", ["token": id])
            let notice = try await browser.get(try #require(again.headers["location"]))
            #expect(notice.text.contains("not valid any more"))
            let actions = try await browser.texts(
                "select action || ' ' || detail from multiconnect.activity where action like 'token%' order by id"
            )
            #expect(
                actions == ["token_created <b>terraform</b>, write", "token_revoked <b>terraform</b>"])
        }
    }

    @Test func `a form with an unknown tenant or a wrong value makes no token`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let fields = ["name": "bi", "scope": "read", "days": "", "tenants": OperatorBrowser.org]
            #expect(shownToken(try await browser.post(path, fields)) != nil)
            for (name, value) in [
                ("name", ""), ("scope", "all"), ("days", "0"), ("days", "x"),
                ("tenants", "00D000000000009"),
            ] {
                let answer = try await browser.post(path, fields.merging([name: value]) { $1 })
                #expect(answer.status == 400 && shownToken(answer) == nil, "\(name)=\(value)")
            }
            let tenants: [Int] = try await browser.rig.pool.query(
                "select cardinality(organization_ids) from multiconnect.api_tokens"
            ).column()
            #expect(tenants == [1])
        }
    }
}
