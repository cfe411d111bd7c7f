import Foundation
import HTTPClient
import HTTPWire
import Jobs
import Postgres
import Redis
import Support
import Testing

@testable import Pages

/// The effects of the dashboard's buttons on the rows and on Redis.
@Suite(.tags(.store))
struct OperatorActionTests {
    private func entries(_ browser: OperatorBrowser, _ key: String) async throws -> Int {
        let length =
            try await browser.client.send(["TYPE", RedisArgument(key)]).text == "list" ? "LLEN" : "ZCARD"
        return try await browser.client.send([RedisArgument(length), RedisArgument(key)]).integer ?? 0
    }

    @Test func `a job is cancelled, retried, killed and deleted`() async throws {
        try await withOperator { browser in
            let id = try await browser.queue.enqueue(NewJob("A"))
            let path = "/dashboard/jobs/\(id)"
            let steps: [(action: String, state: String?, lane: Int, dead: Int)] = [
                ("cancel", "cancelled", 0, 0), ("retry", "queued", 1, 0), ("kill", "dead", 0, 1),
                ("retry", "queued", 1, 0), ("delete", nil, 0, 0),
            ]
            for step in steps {
                let answer = try await browser.post("\(path)/\(step.action)")
                #expect(answer.status == 303, "\(step)")
                let place = try #require(answer.headers["location"])
                let page = try await browser.get(place)
                #expect(page.status == 200 && page.text.contains("The job was"), "\(step)")
                #expect(try await browser.state(id) == step.state, "\(step)")
                #expect(try await entries(browser, "queue:default") == step.lane, "\(step)")
                #expect(try await entries(browser, "dead") == step.dead, "\(step)")
            }
            let gone = try await browser.post("\(path)/retry")
            #expect(
                try await browser.get(try #require(gone.headers["location"])).text.contains(
                    "no longer exists"))
            let actors = try await browser.rig.pool.query(
                "select distinct actor from multiconnect.activity where job_id = \(id.text)"
            ).column(as: String.self)
            #expect(actors == ["ann (web)"])
            #expect(try await browser.post("\(path)/burn").status == 404)
        }
    }

    @Test func `a worker is asked to be quiet and to stop, and the pages show caps and slots`() async throws {
        try await withOperator { browser in
            let pool = browser.rig.pool
            let identity = WorkerIdentity(hostname: "host", processID: 7)
            _ = try await browser.rig.register(WebRig.body)
            try await pool.withConnection {
                _ = try await Migrator(
                    directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
                ).migrate(on: $0)
                try await WorkerStore(limits: JobsLimits()).register(
                    identity, lockKey: 77, concurrency: 10, tenantCap: 4, version: "1", on: $0)
                try await $0.script(
                    """
                    insert into multiconnect.workers (identity, hostname, pid, lock_key, concurrency, version)
                    values ('gone:8:y', 'gone', 8, 78, 10, '1');
                    insert into multiconnect_sync.lease_holders (id, worker, lease_until, lock_key)
                    select '00000000-0000-0000-0000-000000000001', identity, now() + interval '1 minute', 1
                    from multiconnect.workers where lock_key = 77;
                    insert into multiconnect_sync.leases (organization_id, epoch, holder)
                    select id, 1, '00000000-0000-0000-0000-000000000001' from multiconnect.organizations
                    """)
                let tenant: UUID = try await $0.query("select id from multiconnect.organizations").scalar()
                _ = try await browser.queue.enqueue(NewJob("A", organizationID: tenant))
                let page = try await browser.get("/dashboard/jobs/workers").text
                for part in ["at most 4 per tenant while others wait", "1 tenant held", ">Quiet<", ">Stop<"] {
                    #expect(page.contains(part), "\(part)")
                }
                #expect(page.ranges(of: "value=\"gone:8:y\"").isEmpty, "a lost worker cannot be asked")
                let queues = try await browser.get("/dashboard/jobs/queues").text
                #expect(queues.contains("cap of a tenant is 4 per worker"))
                #expect(
                    queues.contains("at most\n4 slots") || queues.contains("at most 4 slots"), "\(queues)")
                let path = "/dashboard/jobs/workers"
                for (request, notice, button) in [
                    ("quiet", "claims no more jobs", ">Stop<"), ("stop", "The worker ends", "asked to stop"),
                ] {
                    let answer = try await browser.post(path, ["worker": identity.text, "request": request])
                    #expect(answer.status == 303)
                    let text = try await browser.get(try #require(answer.headers["location"])).text
                    #expect(text.contains(notice) && text.contains(button), "\(request)")
                }
                let again = try await browser.post(path, ["worker": identity.text, "request": "quiet"])
                let text = try await browser.get(try #require(again.headers["location"])).text
                #expect(text.contains("Nothing was changed"))
                #expect(
                    try await browser.post(path, ["worker": identity.text, "request": "burn"]).status == 400)
                #expect(try await browser.post(path, ["request": "stop"]).status == 400)
            }
            let actions = try await pool.query(
                "select action || ' ' || detail from multiconnect.activity where action like 'workers.%' order by id"
            ).column(as: String.self)
            #expect(actions == ["workers.quiet \(identity.text)", "workers.stop \(identity.text)"])
        }
    }

    @Test func `selected jobs are changed, and no others`() async throws {
        try await withOperator { browser in
            var ids: [JobID] = []
            for _ in 0..<4 { ids.append(try await browser.queue.enqueue(NewJob("A"))) }
            let (cookie, code) = try await browser.form()
            let body = "form_token=\(code)&action=cancel&state=queued&id=\(ids[0])&id=\(ids[2])"
            let answer = try await browser.rig.http.send(
                ClientRequest(
                    method: "POST", url: browser.rig.origin + "/dashboard/jobs/selected",
                    headers: [
                        browser.credentials, ("Content-Type", "application/x-www-form-urlencoded"),
                        ("Cookie", cookie),
                    ], body: Array(body.utf8)))
            #expect(answer.status == 303)
            #expect(answer.headers["location"]?.hasPrefix("/dashboard/jobs?state=queued&notice=bulk") == true)
            for (index, id) in ids.enumerated() {
                #expect(try await browser.state(id) == (index.isMultiple(of: 2) ? "cancelled" : "queued"))
            }
            #expect(try await entries(browser, "queue:default") == 2)
        }
    }

    @Test func `a link that somebody else made shows no notice`() async throws {
        try await withOperator { browser in
            _ = try await browser.queue.enqueue(NewJob("A"))
            let answer = try await browser.post(
                "/dashboard/jobs/bulk/kill", ["class": "A", "state": "queued"])
            let location = try #require(answer.headers["location"])
            #expect(try await browser.get(location).text.contains("1 job was killed."))
            for link in [
                "/dashboard/jobs?notice=paused", "/dashboard/jobs?notice=paused&seal=x",
                location.replacing("changed=1", with: "changed=7"),
                "/dashboard/jobs?notice=paused&seal=\(location.split(separator: "seal=").last ?? "")",
            ] {
                let page = try await browser.get(link)
                #expect(page.status == 200 && !page.text.contains("role=\"status\""), "\(link)")
            }
        }
    }

    @Test func `a notice about one job is in the singular`() async throws {
        try await withOperator { browser in
            _ = try await browser.queue.enqueue(NewJob("A"))
            let question = try await browser.get("/dashboard/jobs/bulk/kill?class=A&state=queued").text
            #expect(question.contains("<b>1 job</b> matches") && question.contains("Kill 1 job<"))
            #expect(JobCount(1, .atLeast).of("job") == "1+ jobs")
            #expect(JobCount(0).of("job") == "0 jobs")
        }
    }

    @Test func `all matching jobs are counted first, and changed after a confirmation`() async throws {
        try await withOperator { browser in
            for index in 0..<7 { _ = try await browser.queue.enqueue(NewJob(index < 5 ? "A" : "B")) }
            let question = try await browser.get("/dashboard/jobs/bulk/kill?class=A&state=queued").text
            #expect(question.contains("<b>5 jobs</b> match") && question.contains("Kill 5 jobs"))
            let count = { (state: String) in
                try await browser.rig.pool.query(
                    "select count(*) from multiconnect.jobs where state = \(state)"
                ).scalar(as: Int.self)
            }
            #expect(try await count("queued") == 7)
            let answer = try await browser.post(
                "/dashboard/jobs/bulk/kill", ["class": "A", "state": "queued"])
            #expect(answer.status == 303)
            let page = try await browser.get(try #require(answer.headers["location"]))
            #expect(page.text.contains("5 jobs were killed."))
            #expect(try await count("queued") == 2)
            #expect(try await count("dead") == 5)
            #expect(try await entries(browser, "queue:default") == 2)
            #expect(try await entries(browser, "dead") == 5)
            let none = try await browser.get("/dashboard/jobs/bulk/retry?state=done").text
            #expect(none.contains("No job matches") && none.contains("one of these states: "))
            #expect(try await browser.post("/dashboard/jobs/bulk/retry", ["state": "done"]).status == 409)
            // With an invalid field the filter would match other jobs than the page has shown.
            #expect(
                try await browser.post("/dashboard/jobs/bulk/delete", ["since": "yesterday"]).status == 400)
            #expect(try await count("dead") == 5)
        }
    }

    /// A search for arguments may take longer than the time limits of the page.
    @Test func `an action that ran out of time continues where it stopped`() async throws {
        let change = { (options: inout WebRig.Options) in
            options.actionTime = .zero
            options.jobsLimits.countedRows = 10
        }
        try await withOperator(change) { browser in
            let jobs = (0..<40).map { NewJob("A", arguments: [$0 < 38 ? "common" : "rare"]) }
            _ = try await browser.queue.enqueue(jobs)
            // One by one, so that the rare jobs come last.
            _ = try await browser.rig.pool.execute(
                """
                update multiconnect.jobs as j set run_at = now() - interval '1 h' + n * interval '1 s'
                from (select id, row_number() over (order by args::text, id) as n from multiconnect.jobs) as o
                where o.id = j.id
                """)
            var page = "/dashboard/jobs/bulk/cancel?state=queued&args=rare"
            // The count stops before the rare jobs.
            #expect(try await browser.get(page).text.contains("No match was found while counting."))
            var rests: [String] = []
            var changed = 0
            while page.contains("/bulk/"), rests.count < 10 {
                let rest = try Form(decoding: page.split(separator: "?").last ?? "")["rest"]
                if let rest {
                    rests.append(rest)
                    #expect(try await browser.get(page).text.contains("value=\"\(rest)\""))
                }
                var fields = ["state": "queued", "args": "rare"]
                fields["rest"] = rest
                page = try #require(
                    await browser.post("/dashboard/jobs/bulk/cancel", fields).headers["location"])
                let notice = try Form(decoding: page.split(separator: "?").last ?? "")
                changed += notice["changed"].flatMap { Int($0) } ?? 0
            }
            // Ten at a time, and none twice.
            #expect((3...4).contains(rests.count) && Set(rests).count == rests.count)
            #expect(changed == 2)
            let left = try await browser.rig.pool.query(
                "select count(*) from multiconnect.jobs where state = 'queued'"
            ).scalar(as: Int.self)
            #expect(left == 38)
        }
    }

    @Test func `queues, classes and tenants are paused and resumed`() async throws {
        try await withOperator { browser in
            _ = try await browser.rig.register(WebRig.body)
            let pauses = {
                try await browser.rig.pool.query("select key from multiconnect.pauses order by key")
                    .column(as: String.self)
            }
            let path = "/dashboard/jobs/pauses"
            let unknown = try await browser.post(path, ["scope": "queue:mail", "action": "pause"])
            #expect(unknown.status == 303)
            let warned = try await browser.get(try #require(unknown.headers["location"])).text
            #expect(warned.contains("no job with that name is known"))
            let tenant = [
                "kind": "tenant", "name": "00D000000000001EAA", "action": "pause", "reason": "quota",
            ]
            #expect(try await browser.post(path, tenant).status == 303)
            let id: UUID = try await browser.rig.pool.query("select id from multiconnect.organizations")
                .scalar()
            #expect(try await pauses() == ["queue:mail", "tenant:\(id.uuidString.lowercased())"])
            let page = try await browser.get("/dashboard/jobs/queues").text
            #expect(page.contains("quota") && page.contains("tenant Acme (00D000000000001EAA)"))
            #expect(try await browser.get("/dashboard/jobs").text.contains("Paused: <b>queue mail</b>"))
            for fields in [
                ["kind": "tenant", "name": "nobody"], ["kind": "tenant", "name": ""],
                ["kind": "tenant", "name": UUID().uuidString],
                ["kind": "queue", "name": "a b"],
                ["kind": "class", "name": "1"],
            ] {
                let answer = try await browser.post(path, fields.merging(["action": "pause"]) { $1 })
                #expect(answer.status == 400 && answer.text.contains("role=\"alert\""), "\(fields)")
            }
            #expect(try await browser.post(path, ["scope": "queue:mail", "action": "resume"]).status == 303)
            let again = try await browser.post(path, ["scope": "queue:mail", "action": "resume"])
            #expect(again.headers["location"]?.contains("unchanged") == true)
            #expect(try await pauses().count == 1)
        }
    }

    @Test func `the weight of a tenant is set and removed`() async throws {
        try await withOperator { browser in
            _ = try await browser.rig.register(WebRig.body)
            let path = "/dashboard/jobs/weights"
            let given = try await browser.post(path, ["tenant": "00D000000000001EAA", "weight": "5"])
            #expect(given.status == 303)
            let location = try #require(given.headers["location"])
            #expect(location.hasPrefix("/dashboard/jobs/queues?notice=weighed&seal="))
            let page = try await browser.get(location).text
            #expect(page.contains("tenant Acme (00D000000000001EAA)") && page.contains("ann (web)"))
            #expect(page.contains(">5</td>") && page.contains("next turn"))
            for fields in [
                ["tenant": "nobody", "weight": "2"], ["tenant": "", "weight": "2"], ["weight": "2"],
                ["tenant": "00D000000000001EAA", "weight": "0"], ["tenant": "00D000000000001EAA"],
                ["tenant": "00D000000000001EAA", "weight": "101"],
                ["tenant": UUID().uuidString, "weight": "2"],
            ] {
                let answer = try await browser.post(path, fields)
                #expect(answer.status == 400 && answer.text.contains("role=\"alert\""), "\(fields)")
            }
            // The value of the page's button.
            let id: UUID = try await browser.rig.pool.query("select id from multiconnect.organizations")
                .scalar()
            let taken = try await browser.post(path, ["tenant": id.uuidString.lowercased(), "weight": "1"])
            #expect(taken.status == 303)
            #expect(
                try await browser.get("/dashboard/jobs/queues").text.contains("No weights"))
        }
    }

    @Test func `a periodic job is paused, resumed, and run outside of its schedule`() async throws {
        try await withOperator { browser in
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.periodic_jobs (name, class, schedule, next_run_at)
                values ('prune', 'PruneJobs', 'every 1 hours', now() + interval '1 hour')
                """)
            let path = "/dashboard/jobs/periodic"
            #expect(try await browser.get(path).text.contains("every 1 hours"))
            #expect(try await browser.post(path, ["name": "prune", "action": "pause"]).status == 303)
            #expect(try await browser.get(path).text.contains("ann (web)"))
            #expect(try await browser.post(path, ["name": "prune", "action": "run"]).status == 303)
            #expect(try await entries(browser, "queue:default") == 1)
            #expect(try await browser.post(path, ["name": "prune", "action": "resume"]).status == 303)
            #expect(try await browser.post(path, ["name": "other", "action": "run"]).status == 404)
            let actions = try await browser.rig.pool.query(
                "select action from multiconnect.activity where actor = 'ann (web)' order by id"
            ).column(as: String.self)
            #expect(actions == ["jobs.periodic_pause", "jobs.periodic_run", "jobs.periodic_resume"])
        }
    }
}
