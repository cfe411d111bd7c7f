import Foundation
import HTTPClient
import Jobs
import Postgres
import Support
import Testing

/// Off-boarding and comparisons on the page of a tenant.
@Suite(.tags(.store))
struct TenantRemovalPageTests {
    private let path = "/dashboard/tenants/\(OperatorBrowser.org)"

    private func status(_ browser: OperatorBrowser) async throws -> [String] {
        try await browser.texts("select status from multiconnect.organizations")
    }

    @Test func `a tenant is off-boarded only after its org id was typed`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let pool = browser.rig.pool
            let tenant: UUID = try await pool.query("select id from multiconnect.organizations").scalar()
            // The registration has queued a mail too.
            let job = try await browser.queue.enqueue(NewJob("A", organizationID: tenant))
            let other = try await browser.queue.enqueue(NewJob("A"))
            #expect(try await browser.get(path).text.contains("\(path)/remove"))
            let page = try await browser.get("\(path)/remove").text
            #expect(page.contains("<b>2</b> changes in Postgres"), "\(page)")
            #expect(page.contains("--delete-data"))
            for wrong in ["", "yes", "00D000000000002EAA"] {
                let answer = try await browser.post("\(path)/remove", ["confirm": wrong])
                #expect(answer.status == 400 && answer.text.contains("Nothing was done"), "\(wrong)")
            }
            #expect(try await status(browser) == ["live"])
            let answer = try await browser.post("\(path)/remove", ["confirm": OperatorBrowser.org])
            #expect(answer.status == 200)
            for part in ["The tenant has ended", "Cancelled jobs: 2", "All steps are done"] {
                #expect(answer.text.contains(part), "\(part): \(answer.text)")
            }
            #expect(try await status(browser) == ["uninstalled"])
            #expect(try await browser.state(job) == "cancelled")
            #expect(try await browser.state(other) == "queued")
            let rows: Int = try await pool.query(
                "select count(*) from \(raw: OperatorBrowser.schema).account"
            )
            .scalar()
            #expect(rows == 120, "the data stays")
            let unsent: Int = try await pool.query(
                "select count(*) from \(raw: OperatorBrowser.schema)._trigger_log where state in ('NEW', 'REQUEUE')"
            )
            .scalar()
            #expect(unsent == 0, "a later installation does not send old changes")
            let actions = try await browser.texts(
                "select actor from multiconnect.activity where action = 'organizations.remove'")
            #expect(actions == ["ann (web)"])
            let again = try await browser.post("\(path)/remove", ["confirm": OperatorBrowser.org])
            #expect(again.text.contains("had ended before"))
        }
    }

    @Test func `an imported object is compared with the org, and another is not`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            #expect(try await browser.get(path).text.contains("Compare Account with the org"))
            let id = try await browser.texts("select id::text from multiconnect.mappings")[0]
            for (mapping, notice) in [
                (id, "A comparison with the org is queued"), (UUID().uuidString, "not imported"),
            ] {
                let answer = try await browser.post("\(path)/compare", ["mapping": mapping])
                #expect(answer.status == 303)
                let page = try await browser.get(try #require(answer.headers["location"])).text
                #expect(page.contains(notice), "\(mapping)")
            }
            let jobs = try await browser.texts(
                "select class || ' ' || (args->>0) from multiconnect.jobs where class = 'RepairMapping'")
            #expect(jobs == ["RepairMapping \(id)"])
            let actions = try await browser.texts(
                "select action || ' ' || detail from multiconnect.activity where actor = 'ann (web)'")
            #expect(actions == ["mappings.compare Account"])
        }
    }
}
