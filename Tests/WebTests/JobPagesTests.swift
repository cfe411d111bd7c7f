import Foundation
import HTTPClient
import HTTPWire
import JobIndex
import Jobs
import Postgres
import Redis
import Support
import Testing

@testable import Pages

/// The contents and actions of the pages of jobs.
@Suite(.tags(.store))
struct JobPagesTests {
    private static let list = "/dashboard/jobs"

    private func form(_ pairs: [(String, String)]) -> Form {
        Form(pairs.map { Form.Field(name: $0, value: $1) })
    }

    private func fail(_ id: JobID, _ error: String, _ text: String, _ browser: OperatorBrowser) async throws {
        _ = try await browser.rig.pool.execute(
            """
            update multiconnect.jobs set state = 'dead', finished_at = now(), attempt = 3, failures = 3,
                error_class = \(error), error_message = \(text) where id = \(id.text)
            """)
    }

    @Test func `jobs name their object, and a tenant is found by a part of its name`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let mapping: UUID = try await browser.rig.pool.query("select id from multiconnect.mappings")
                .scalar()
            let tenant: UUID = try await browser.rig.pool.query("select id from multiconnect.organizations")
                .scalar()
            let id = try await browser.queue.enqueue(
                NewJob("ImportMapping", arguments: [mapping.uuidString.lowercased()], organizationID: tenant))
            let other = try await browser.queue.enqueue(NewJob("Other"))
            for path in [Self.list, "\(Self.list)/\(id)"] {
                #expect(try await browser.get(path).text.contains("ImportMapping Account"), "\(path)")
            }
            let found = try await browser.get("\(Self.list)?tenant=acm").text
            #expect(found.contains(id.text) && !found.contains(other.text))
            // The other one is the mail to its admin.
            #expect(found.contains("Queued<b>2</b>"), "the numbers are those within the filter")
            let none = try await browser.get("\(Self.list)?tenant=nobody").text
            #expect(none.contains("no tenant “nobody”, or more than one") && !none.contains(id.text))
        }
    }

    @Test func `a final action on selected jobs asks first, and nothing ticked is said`() async throws {
        try await withOperator { browser in
            let ids = [
                try await browser.queue.enqueue(NewJob("A")), try await browser.queue.enqueue(NewJob("A")),
            ]
            let page = try await browser.get("\(Self.list)?state=queued").text
            #expect(page.contains("All on this page") && page.contains("Delete…"))
            let path = "\(Self.list)/selected"
            let fields = [("state", "queued"), ("action", "delete"), ("id", ids[0].text)]
            let question = try await browser.submit(path, form(fields))
            #expect(question.status == 200 && question.text.contains("Delete 1 job"))
            #expect(try await browser.state(ids[0]) == "queued")
            let done = try await browser.submit(path, form(fields + [("confirmed", "yes")]))
            #expect(done.headers["location"]?.hasPrefix("\(Self.list)?state=queued&notice=bulk") == true)
            #expect(try await browser.state(ids[0]) == nil)
            let none = try await browser.submit(path, form([("action", "cancel"), ("state", "queued")]))
            #expect(
                none.headers["location"]?.hasPrefix("\(Self.list)?state=queued&notice=nothing-ticked") == true
            )
            let all = try await browser.submit(
                path, form([("action", "cancel"), ("all", "on"), ("shown", ids[1].text)]))
            #expect(all.status == 303)
            #expect(try await browser.state(ids[1]) == "cancelled")
        }
    }

    @Test func `only actions that a state of the page allows are offered`() async throws {
        try await withOperator { browser in
            let id = try await browser.queue.enqueue(NewJob("A"))
            try await fail(id, "Boom", "no <b>luck</b>", browser)
            let dead = try await browser.get("\(Self.list)?state=dead").text
            #expect(dead.contains("value=\"retry\"") && !dead.contains("value=\"cancel\""))
            #expect(!dead.contains("value=\"kill\"") && dead.contains("value=\"delete\""))
        }
    }

    @Test func `failed jobs are grouped by class and error, within the filter`() async throws {
        try await withOperator { browser in
            for index in 0..<5 {
                let id = try await browser.queue.enqueue(NewJob(index < 3 ? "A" : "B"))
                try await fail(id, index == 2 ? "Rare" : "Boom", "text <i>\(index)</i>", browser)
            }
            let page = try await browser.get("\(Self.list)/errors").text
            let rows = page.matches(of: /<td data-label="Jobs" class="number">([0-9]+)/).map { $0.output.1 }
            #expect(rows == ["2", "2", "1"] && page.contains("class=A&amp;error=Boom"))
            #expect(!page.contains("<i>") && page.contains("&lt;i&gt;"))
            let narrow = try await browser.get("\(Self.list)/errors?class=B").text
            #expect(narrow.contains("<b>Boom</b>") && !narrow.contains("Rare"))
            #expect(try await browser.get("\(Self.list)/errors?class=C").text.contains("No failed job"))
            #expect(
                try await browser.get("\(Self.list)?class=A").text.contains("/dashboard/jobs/errors?class=A"))
        }
    }

    @Test func `repeated failures are one line, and the attempt is counted`() async throws {
        try await withOperator { browser in
            let id = try await browser.queue.enqueue(NewJob("A", maximumAttempts: 26))
            for attempt in 1...4 {
                _ = try await browser.rig.pool.execute(
                    """
                    insert into multiconnect.job_attempts (job_id, attempt, outcome, error_class, error_message,
                        started_at, finished_at)
                    values (\(id.text), \(attempt), 'failed', 'Boom', \(attempt < 4 ? "same" : "other"), now(), now())
                    """)
            }
            _ = try await browser.rig.pool.execute(
                """
                update multiconnect.jobs set attempt = 17, failures = 4,
                    progress = '{"rows":60000,"expectedRows":400000}' where id = \(id.text)
                """)
            let page = try await browser.get("\(Self.list)/\(id)").text
            #expect(page.contains("attempt 17, failure 4 of 26 in a row"))
            #expect(page.contains("1–3") && page.contains("3 times: "))
            #expect(page.contains("60,000 of 400,000 · 15 %") && page.contains("<progress value=\"15\""))
        }
    }

    @Test func `queues and classes without jobs are listed, with the slots of tenants`() async throws {
        try await withOperator { browser in
            try await browser.addTenantWithTable()
            let tenant: UUID = try await browser.rig.pool.query("select id from multiconnect.organizations")
                .scalar()
            let id = try await browser.queue.enqueue(NewJob("Done", queue: "special"))
            _ = try await browser.rig.pool.execute(
                "update multiconnect.jobs set state = 'done', finished_at = now() where id = \(id.text)")
            _ = try await browser.queue.enqueue(NewJob("Waiting", organizationID: tenant))
            let key = RedisArgument(RunHistoryKey.queues(at: Date()))
            _ = try await browser.client.send(
                ["HSET", key, "special|p", "4321", "special|f", "123", "special|ms", "4198000"])
            let page = try await browser.get("/dashboard/jobs/queues").text
            let special = page.split(separator: "<tr>").first { $0.contains("<b>special</b>") } ?? ""
            #expect(special.contains("4,321") && special.contains(">123<"), "\(special)")
            #expect(special.contains("Runs of special by hour"))
            for part in [
                "<b>default</b>", "<b>special</b>", "<b>Done</b>", "Fairness", "Acme",
                "<option value=\"Done\">",
            ] {
                #expect(page.contains(part), "\(part)")
            }
            #expect(page.contains("tenant:\(tenant.uuidString.lowercased())"), "a tenant can be paused here")
        }
    }

    @Test func `the page of periodic jobs tells schedules in words and in UTC`() async throws {
        try await withOperator { browser in
            let job = PeriodicJob(
                name: "nightly", schedule: try Schedule("23 3 * * *"), job: NewJob("Nightly"))
            try await browser.rig.pool.withConnection {
                try await PeriodicStore().register(job, now: Date(), on: $0)
            }
            let page = try await browser.get("/dashboard/jobs/periodic").text
            #expect(page.contains("every day at 03:23 UTC") && page.contains("23 3 * * *"))
            #expect(page.contains("Schedules are in UTC"))
        }
    }
}
