import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A worker killed with -9 at one precise point of its jobs' lives, where a lock or a stopped server
    /// holds it. Another one finishes the jobs, each once.
    @Suite(.tags(.long))
    struct FaultPointTests {
        /// Few enough to run all at the same time.
        private static let atOnce = 10

        /// Postgres may or may not execute a claim that was sent when the worker died.
        @Test(arguments: [false, true])
        func `killed after the pop and before the claim`(isCarriedOut: Bool) async throws {
            try await withQueueRig { rig in
                let check = try rig.startCheck(QueueRig.jobs, milliseconds: 0)
                try await untilEnqueued(rig)
                try await killWaiting(
                    behind: "select from multiconnect.jobs for update", rig, { try rig.startWorker() },
                    endsSessions: !isCarriedOut)
                let attempts = try await rig.number(
                    "select max(attempt) from multiconnect.jobs where \(QueueRig.probes)")
                #expect(attempts == (isCarriedOut ? 1 : 0))
                try await expectCompletion(check, rig)
            }
        }

        @Test func `killed after the claim and before the effect`() async throws {
            try await withQueueRig { rig in
                let check = try rig.startCheck(QueueRig.jobs, milliseconds: 0)
                try await untilEnqueued(rig)
                try await killWaiting(
                    behind: "lock table multiconnect.job_probes in share mode", rig,
                    { try rig.startWorker() })
                #expect(
                    try await rig.number(
                        "select max(attempt) from multiconnect.jobs where \(QueueRig.probes)") == 1)
                try await expectCompletion(check, rig)
            }
        }

        @Test func `killed after the effect and before the completion`() async throws {
            try await withQueueRig { rig in
                let worker = try await rig.startWorkers(1)[0]
                let check = try rig.startCheck(Self.atOnce, milliseconds: 1500)
                _ = try await rig.untilRunning(Self.atOnce, by: worker)
                try await killWaiting(
                    behind: "select from multiconnect.jobs for update", rig, { worker })
                // Its writes were rolled back.
                #expect(try await rig.number("select count(*) from multiconnect.job_probes") == 0)
                try await expectCompletion(check, rig, jobs: Self.atOnce)
            }
        }

        @Test func `killed after the commit and before the update of Redis`() async throws {
            try await withQueueRig { rig in
                let worker = try await rig.startWorkers(1)[0]
                let check = try rig.startCheck(Self.atOnce, milliseconds: 1500)
                _ = try await rig.untilRunning(Self.atOnce, by: worker)
                rig.redis.program.signal(SIGSTOP)
                try await rig.untilEffects(Self.atOnce)
                worker.kill()
                rig.redis.program.signal(SIGCONT)
                try await expectCompletion(check, rig, jobs: Self.atOnce)
            }
        }

        private func untilEnqueued(_ rig: QueueRig) async throws {
            try await eventually(within: .seconds(30), "the jobs are enqueued") {
                try rig.waitingInRedis() == QueueRig.jobs
            }
        }

        /// Takes a lock, kills the worker while it waits for the lock, and releases it.
        private func killWaiting(
            behind lock: String, _ rig: QueueRig, _ worker: () throws -> Program, endsSessions: Bool = false
        ) async throws {
            let connection = try await PostgresConnection.connect(PostgresConfiguration(url: rig.databaseURL))
            defer { connection.close() }
            try await connection.transaction { connection in
                try await connection.script(lock)
                let worker = try worker()
                try await eventually(within: .seconds(30), "the worker waits\n\(worker.output)") {
                    try await rig.number(
                        """
                        select count(*) from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock'
                            and application_name = 'multiconnect worker'
                        """) > 0
                }
                worker.kill()
                guard endsSessions else { return }
                _ = try await connection.query(
                    """
                    select pg_terminate_backend(pid, 5000) from pg_stat_activity
                    where datname = current_database() and application_name = 'multiconnect worker'
                    """)
            }
            // Its sessions get the lock and notice that the client is gone.
            try await eventually(within: .seconds(30), "the dead worker's sessions end") {
                try await rig.number(
                    """
                    select count(*) from pg_stat_activity
                    where datname = current_database() and application_name = 'multiconnect worker'
                    """) == 0
            }
        }

        private func expectCompletion(_ check: Program, _ rig: QueueRig, jobs: Int = QueueRig.jobs)
            async throws
        {
            let worker = try rig.startWorker()
            try await rig.expectEachEffectOnce(check, jobs: jobs)
            try await eventually(within: .seconds(20), "Redis holds nothing of the jobs\n\(worker.output)") {
                try rig.waitingInRedis() == 0
            }
            try await rig.expectEachEffectOnce(jobs: jobs)
            worker.kill()
        }
    }
}
