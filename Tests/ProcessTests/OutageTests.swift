import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A worker's log during an outage of Postgres or Redis.
    @Suite(.tags(.process))
    struct OutageTests {
        private func says(_ worker: Program, _ text: String) async throws {
            try await eventually(within: .seconds(30), "\(text)\n\(worker.output)") {
                worker.output.contains(text)
            }
        }

        @Test func `a worker logs when Redis or Postgres stops answering, and when it answers again`()
            async throws
        {
            try await withQueueRig { rig in
                let worker = try await rig.startWorkers(1)[0]
                #expect(!worker.output.contains("unavailable"))
                rig.redis.kill()
                try await says(worker, "redis unavailable")
                try rig.redis.restart()
                try await says(worker, "redis available again")
                _ = try await rig.number(
                    """
                    select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()
                    """)
                try await says(worker, "postgres unavailable")
                try await says(worker, "postgres available again")
                #expect(worker.output.components(separatedBy: "redis unavailable").count == 2)
                worker.kill()
            }
        }

        @Test func `a worker that cannot claim jobs logs the reason`() async throws {
            try await withQueueRig { rig in
                let check = try rig.startCheck(3, milliseconds: 0, within: 1)
                #expect(check.exitStatus() == 1)
                let connection = try await PostgresConnection.connect(
                    PostgresConfiguration(url: rig.databaseURL))
                defer { connection.close() }
                try await connection.execute(
                    "alter table multiconnect.jobs rename column claim_token to token")
                let worker = try rig.startWorker()
                try await says(worker, "could not claim jobs")
                #expect(worker.output.contains("42703"))
                try await connection.execute(
                    "alter table multiconnect.jobs rename column token to claim_token")
                try await rig.untilEffects(3)
                try await says(worker, "claiming jobs again")
                worker.kill()
            }
        }
    }
}
