import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// What a worker's log says of databases that do not answer: a worker has no port to ask.
    @Suite(.tags(.process))
    struct OutageTests {
        private func says(_ worker: Program, _ text: String) async throws {
            try await eventually(within: .seconds(30), "\(text)\n\(worker.output)") {
                worker.output.contains(text)
            }
        }

        @Test func `a worker says when Redis or Postgres ceases to answer, and when it does again`()
            async throws
        {
            try await withQueueRig { rig in
                let worker = try await rig.startWorkers(1)[0]
                #expect(!worker.output.contains("answer"))
                rig.redis.kill()
                try await says(worker, "Redis does not answer")
                try rig.redis.restart()
                try await says(worker, "Redis answers again")
                _ = try await rig.number(
                    """
                    select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where datname = current_database() and pid <> pg_backend_pid()
                    """)
                try await says(worker, "Postgres does not answer")
                try await says(worker, "Postgres answers again")
                #expect(worker.output.components(separatedBy: "Redis does not answer").count == 2)
                worker.kill()
            }
        }

        @Test func `a worker that can take no jobs says why`() async throws {
            try await withQueueRig { rig in
                let check = try rig.startCheck(3, milliseconds: 0, within: 1)
                #expect(check.exitStatus() == 1)
                let connection = try await PostgresConnection.connect(
                    PostgresConfiguration(url: rig.databaseURL))
                defer { connection.close() }
                try await connection.execute(
                    "alter table multiconnect.jobs rename column claim_token to token")
                let worker = try rig.startWorker()
                try await says(worker, "no jobs can be taken")
                #expect(worker.output.contains("42703"))
                try await connection.execute(
                    "alter table multiconnect.jobs rename column token to claim_token")
                try await rig.untilEffects(3)
                try await says(worker, "jobs are taken again")
                worker.kill()
            }
        }
    }
}
