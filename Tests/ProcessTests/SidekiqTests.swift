import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A worker and the real Sidekiq with one Redis.
    @Suite(.tags(.interop))
    struct SidekiqTests {
        @Test func `a worker runs Ruby's jobs and due jobs, and stops after Stop on Sidekiq's page`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let worker = try deployment.startWorker()
                let ruby = RubySidekiq(redisURL: "redis://127.0.0.1:\(deployment.redisPort)/0")
                let jid = try await ruby.push("PruneJobs")
                let unknown = try await ruby.push("NobodysJob", "[\"<i>x</i>\"]")
                try await state(of: jid, is: "done", deployment)
                try await state(of: unknown, is: "retry", deployment)
                try await expectDuties(deployment)

                let pages = try await ruby.pages([
                    "/", "/busy", "/queues", "/retries", "/scheduled", "/morgue",
                ])
                for (path, page) in pages { #expect(page.status == 200, "\(path)") }
                #expect(pages["/busy"]?.body.contains("multiconnect") == true)
                #expect(pages["/retries"]?.body.contains("NobodysJob") == true)
                #expect(pages["/retries"]?.body.contains("&lt;i&gt;x") == true)

                try await ruby.press("/busy", on: "/busy", ["stop": "1"])
                #expect(worker.exitStatus() == 0, "\(worker.output)")
                try await deployment.stop()
            }
        }

        private func state(of jid: String, is state: String, _ deployment: Deployment) async throws {
            try await eventually(within: .seconds(30), "\(jid) is \(state)") {
                try await deployment.withConnection(deployment.databaseURL) { connection in
                    let rows = try await connection.query(
                        "select state from multiconnect.jobs where id = \(jid)")
                    return try rows.first?["state", as: String.self] == state
                }
            }
        }

        /// The worker registers the periodic jobs and runs one that is due.
        private func expectDuties(_ deployment: Deployment) async throws {
            try await deployment.withConnection(deployment.databaseURL) { connection in
                let names = try await connection.query(
                    "select name from multiconnect.periodic_jobs where next_run_at > now() order by name"
                ).column(as: String.self)
                #expect(
                    names == [
                        "check-cells", "collect-alerts", "count-backlogs", "expire-registrations",
                        "keep-feeds",
                        "keep-processes", "prune-flows", "prune-history", "prune-imports", "prune-jobs",
                        "recover-tenants", "reseal-credentials", "schedule-repairs", "schedule-tweets",
                    ])
                _ = try await connection.execute("update multiconnect.periodic_jobs set next_run_at = now()")
                for name in names {
                    try await eventually(within: .seconds(30), "\(name) has run") {
                        let rows = try await connection.query(
                            """
                            select j.state from multiconnect.periodic_jobs as p
                            join multiconnect.jobs as j on j.id = p.last_job_id
                            where p.name = \(name) and p.next_run_at > now()
                            """)
                        return try rows.first?["state", as: String.self] == "done"
                    }
                }
            }
        }
    }
}
