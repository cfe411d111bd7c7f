import Foundation
import FoundationNetworking
import JobAdmin
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The metrics of a web process, with jobs of real workers and commands.
    @Suite(.tags(.process))
    struct MetricsTests {
        @Test func `web shows the counts of all processes`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["METRICS_TOKEN": "scrape me"])
                var worker = try deployment.startWorker()
                try await deployment.withConnection(deployment.databaseURL) { connection in
                    try await failTwice(on: connection)
                    let check = try command(deployment, "check", "--jobs", "20", "--within", "60")
                    try await eventually(within: .seconds(30), "two jobs have failed") {
                        try await connection.query(
                            "select count(*) from multiconnect.jobs where state = 'retry'"
                        ).scalar(as: Int.self) == 2
                    }
                    let retry = try command(deployment, "retry", "--state", "retry", "--yes")
                    #expect(retry.exitStatus() == 0, "\(retry.output)")
                    try await eventually(within: .seconds(60), "the check ends\n\(check.output)") {
                        !check.isRunning
                    }
                    #expect(check.exitStatus() == 0, "\(check.output)")
                }
                try await expect(
                    [
                        "multiconnect_jobs_enqueued_total": 20, "multiconnect_jobs_started_total": 22,
                        "multiconnect_jobs_finished_total": 20, "multiconnect_jobs_failed_total": 2,
                        "multiconnect_jobs_retried_total": 2, "multiconnect_jobs_recovered_total": 0,
                        "multiconnect_job_queue_latency_seconds_count": 22,
                        "multiconnect_job_run_seconds_count": 20,
                    ], deployment)
                try await expectProcesses(deployment)

                let check = try command(
                    deployment, "check", "--jobs", "1", "--milliseconds", "3000", "--within", "60")
                try await deployment.withConnection(deployment.databaseURL) { connection in
                    try await eventually(within: .seconds(30), "the job runs") {
                        try await connection.query(
                            """
                            select count(*) from multiconnect.jobs
                            where class = 'ProbeJob' and state = 'running'
                            """
                        ).scalar(as: Int.self) == 1
                    }
                }
                worker.kill()
                worker = try deployment.startWorker()
                try await expect(
                    ["multiconnect_jobs_enqueued_total": 21, "multiconnect_jobs_recovered_total": 1],
                    deployment)
                #expect(check.exitStatus() == 0, "\(check.output)")
                deployment.redis.kill()
                try await eventually(within: .seconds(30), "the page says that Redis is away") {
                    let page = try await scrape(deployment)
                    return page.contains(#"multiconnect_up{part="redis"} 0"#)
                        && page.contains(#"multiconnect_up{part="postgres"} 1"#)
                }
                #expect(web.isRunning)
                worker.kill()
                web.kill()
                try await deployment.stop()
            }
        }

        private func command(_ deployment: Deployment, _ arguments: String...) throws -> Program {
            try Program.multiconnect(["jobs"] + arguments, environment: deployment.environment)
        }

        /// The first attempts of two of the check's jobs fail.
        private func failTwice(on connection: PostgresConnection) async throws {
            try await connection.script(
                """
                create function fail_first() returns trigger language plpgsql as $$
                begin
                    if new.attempt = 1 and new.number < 2 then raise exception 'not yet'; end if;
                    return new;
                end $$;
                create trigger fail_first before insert on multiconnect.job_probes
                    for each row execute function fail_first();
                """)
        }

        private func scrape(_ deployment: Deployment) async throws -> String {
            var request = URLRequest(url: URL(string: "http://127.0.0.1:\(deployment.webPort)/metrics")!)
            request.setValue("Bearer scrape me", forHTTPHeaderField: "Authorization")
            let answer = try await deployment.send(request)
            guard answer.status == 200 else {
                throw Deployment.Failure("/metrics: \(answer.status) \(answer.text)")
            }
            return answer.text
        }

        /// Waits until the metrics have these values for the check's class.
        private func expect(_ values: [String: Int], _ deployment: Deployment) async throws {
            let lines = values.map { #"\#($0){class="ProbeJob"} \#($1)"# }
            var page = ""
            do {
                try await eventually(within: .seconds(40)) {
                    page = try await scrape(deployment)
                    return lines.allSatisfy { page.contains($0 + "\n") }
                }
            } catch is ConditionTimeout {
                let missing = lines.filter { !page.contains($0 + "\n") }
                Issue.record("missing: \(missing) in\n\(page)")
            }
        }

        /// The metrics have both processes, and Prometheus accepts them.
        private func expectProcesses(_ deployment: Deployment) async throws {
            var page = ""
            try await eventually(within: .seconds(30), "both processes are shown") {
                page = try await scrape(deployment)
                return page.contains(#"process_cpu_seconds_total{role="worker","#)
            }
            for name in [
                #"process_resident_memory_bytes{role="web","#,
                #"process_resident_memory_bytes{role="worker","#,
                #"process_open_fds{role="web","#, #"multiconnect_http_connections{role="web","#,
                #"multiconnect_postgres_connections{role="worker","#, "multiconnect_worker_slots 10\n",
                #"multiconnect_workers{state="working"} 1"#, "multiconnect_worker_slots_busy ",
                #"multiconnect_http_requests_total{status="2xx"} "#,
                #"multiconnect_http_request_seconds_bucket{status="2xx",le="0.001"}"#,
                #"multiconnect_jobs{state="done"} "#,
            ] {
                #expect(page.contains(name), "\(name)\n\(page)")
            }
            #expect(!page.contains(#"multiconnect_http_connections{role="worker""#))
            #expect(try await MetricsChecker.complaints(about: page) == "")
        }
    }
}
