import Foundation
import HTTPClient
import HTTPWire
import Postgres
import Salesforce
import Support
import Testing

/// Actions on several tenants, and decisions about changes in doubt.
@Suite(.tags(.store))
struct TenantBulkTests {
    private static let path = "/dashboard/tenants"

    /// Adds tenants with these statuses. Returns their org ids.
    private func add(_ statuses: [String], _ browser: OperatorBrowser) async throws -> [String] {
        var ids: [String] = []
        for (index, status) in statuses.enumerated() {
            let id = try OrganizationID(String(format: "00D%012d", index + 1)).text
            ids.append(id)
            _ = try await browser.rig.pool.execute(
                """
                with o as (
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status, created_at)
                    values (\(id), \("Tenant \(index)"), 'a@b.example', \("salesforce" + id.lowercased()),
                        \(status), now() + make_interval(secs => \(index)))
                    returning id)
                insert into multiconnect.connections (organization_id, state) select id, 'IDLE' from o
                """)
        }
        try await browser.rig.pool.withConnection {
            _ = try await Migrator(
                directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
            ).migrate(on: $0)
        }
        return ids
    }

    private func statuses(_ browser: OperatorBrowser) async throws -> [String] {
        try await browser.texts("select status from multiconnect.organizations order by created_at")
    }

    /// The page that an action leads to, with its notice.
    private func follow(_ answer: ClientResponse, _ browser: OperatorBrowser) async throws -> String {
        #expect(answer.status == 303)
        return try #require(answer.headers["location"])
    }

    @Test func `ticked tenants are paused, the filter stays, and nothing else changes`() async throws {
        try await withOperator { browser in
            let ids = try await add(["live", "live", "registered", "live"], browser)
            let page = try await browser.get("\(Self.path)?q=tenant").text
            #expect(page.contains("value=\"\(ids[0])\"") && page.contains("aria-label=\"Select Tenant 0\""))
            let form = Form([
                .init(name: "action", value: "pause"), .init(name: "q", value: "tenant"),
                .init(name: "org", value: ids[0]), .init(name: "org", value: ids[2]),
                .init(name: "org", value: ids[3]), .init(name: "org", value: "00D000000000099EAA"),
            ])
            let place = try await follow(try await browser.submit("\(Self.path)/selected", form), browser)
            #expect(place.hasPrefix("\(Self.path)?q=tenant&notice=tenants&action=pause&changed=2&skipped=1"))
            #expect(try await statuses(browser) == ["paused", "live", "registered", "paused"])
            let actions = try await browser.texts(
                "select action from multiconnect.activity where actor = 'ann (web)' order by id")
            #expect(actions == ["organizations.pause", "organizations.pause"])
            let none = try await browser.submit("\(Self.path)/selected", ["action": "pause"])
            #expect(try await follow(none, browser).contains("notice=nothing-ticked"))
            #expect(
                try await browser.submit("\(Self.path)/selected", ["action": "burn", "org": ids[0]]).status
                    == 400)
        }
    }

    @Test func `an action on a filter shows the count first, and reaches all pages`() async throws {
        try await withOperator { browser in
            _ = try await add(Array(repeating: "live", count: 60) + ["registered", "paused"], browser)
            let list = try await browser.get("\(Self.path)?q=tenant").text
            #expect(list.contains("\(Self.path)/bulk/pause?q=tenant"))
            let confirm = try await browser.get("\(Self.path)/bulk/pause?q=tenant").text
            #expect(confirm.contains("60 tenants") && confirm.contains("with &quot;tenant&quot;"))
            #expect(try await statuses(browser).filter { $0 == "paused" }.count == 1)
            let done = try await browser.submit("\(Self.path)/bulk/pause", ["q": "tenant"])
            #expect(try await follow(done, browser).contains("changed=60"))
            #expect(try await statuses(browser).filter { $0 == "paused" }.count == 61)
            let bulk = try await browser.texts(
                "select detail from multiconnect.activity where action = 'organizations.pause_all'")
            #expect(bulk == ["with \"tenant\""])
            let none = try await browser.get("\(Self.path)/bulk/pause?q=tenant").text
            #expect(none.contains("No matching tenant allows it"))
            let wrong = try await browser.submit("\(Self.path)/bulk/resume", ["status": "lost"])
            #expect(wrong.status == 400, "an invalid filter would reach other tenants")
            #expect(try await statuses(browser).filter { $0 == "paused" }.count == 61)
        }
    }

    @Test func `an action that runs out of time continues where it stopped`() async throws {
        try await withOperator({ $0.actionTime = .zero }) { browser in
            _ = try await add(["paused", "paused"], browser)
            let first = try await follow(
                try await browser.submit("\(Self.path)/bulk/resume", ["status": "paused"]), browser)
            #expect(first.hasPrefix("\(Self.path)/bulk/resume?status=paused&notice=tenants-unfinished"))
            #expect(try await statuses(browser) == ["importing", "paused"])
            let rest = try #require(first.firstMatch(of: /rest=([^&]*)/)?.output.1)
            let next = try await browser.submit(
                "\(Self.path)/bulk/resume",
                ["status": "paused", "rest": String(rest).replacing("%7E", with: "~")])
            #expect(try await follow(next, browser).hasPrefix("\(Self.path)?status=paused&notice=tenants&"))
            #expect(try await statuses(browser) == ["importing", "importing"])
        }
    }

    /// A change in doubt of the row 5. Returns its id in the log.
    private func doubt(_ action: String, _ browser: OperatorBrowser) async throws -> Int {
        let id: Int = try await browser.rig.pool.query(
            """
            insert into \(identifier: OperatorBrowser.schema, "_trigger_log") (state, action, table_name, record_id, created_at)
            values ('PENDING', \(action), 'account', 5, now()) returning id
            """
        ).scalar()
        _ = try await browser.rig.pool.execute(
            """
            insert into multiconnect_sync.write_attempts (organization_id, mapping_id, log_ids, record_ids, state,
                action, method, epoch, settle_at)
            select (select id from multiconnect.organizations), (select id from multiconnect.mappings),
                array[\(id)::int], array[5], 'undecided', lower(\(action)), 'collection', 1, now()
            """)
        return id
    }

    @Test func `a change in doubt is sent again, or needs its record`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let path = "\(Self.path)/\(OperatorBrowser.org)"
            let id = try await doubt("INSERT", browser)
            let page = try await browser.get(path).text
            #expect(page.contains("Decide…") && page.contains("It exists") && page.contains("name=\"sfid\""))
            func resolve(_ fields: [String: String]) async throws -> String {
                let answer = try await browser.post(
                    "\(path)/resolve", fields.merging(["change": "\(id)"]) { $1 })
                return answer.headers["location"] ?? "\(answer.status)"
            }
            #expect(try await resolve(["decision": "exists"]).contains("write-needs-record"))
            #expect(try await resolve(["decision": "exists", "sfid": "nope"]) == "400")
            #expect(try await resolve(["decision": "again"]).contains("write-resolved"))
            let state: String = try await browser.rig.pool.query(
                "select state from \(identifier: OperatorBrowser.schema, "_trigger_log") where id = \(id)"
            ).scalar()
            #expect(state == "NEW")
            #expect(try await resolve(["decision": "again"]).contains("write-not-in-doubt"))
            #expect(
                try await browser.texts(
                    "select actor || detail from multiconnect.activity where action = 'write_resolved'")
                    == ["ann (web)\(id) sent again"])
        }
    }
}
