import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Workers that get a stop signal finish their jobs or requeue them.
    @Suite(.tags(.long))
    struct StopTests {
        @Test func `no job is lost or run twice while workers stop and start`() async throws {
            try await withQueueRig { rig in
                var workers = try await rig.startWorkers(2)
                let check = try rig.startCheck(milliseconds: 20)
                for round in 1...4 {
                    try await rig.untilEffects(round * 180)
                    let leaving = workers.removeFirst()
                    leaving.signal(SIGTERM)
                    workers.append(try rig.startWorker())
                    #expect(leaving.exitStatus() == 0, "\(leaving.output)")
                }
                try await rig.expectEachEffectOnce(check)
                // Short jobs were finished, and no worker was considered lost.
                #expect(try await rig.number("select count(*) from multiconnect.job_attempts") == 0)
                #expect(
                    try await rig.number(
                        "select max(attempt) from multiconnect.jobs where \(QueueRig.probes)") == 1)
                workers.forEach { $0.kill() }
            }
        }

        @Test func `a quiet worker finishes its jobs and claims no more`() async throws {
            try await withQueueRig { rig in
                let worker = try await rig.startWorkers(1)[0]
                let long = try rig.startCheck(1, milliseconds: 2000)
                _ = try await rig.untilRunning(1, by: worker)
                worker.signal(SIGTSTP)
                try await eventually("it says so\n\(worker.output)") { worker.output.contains("quiet") }
                #expect(long.exitStatus() == 0, "\(long.output)")
                let more = try rig.startCheck(5, milliseconds: 0, within: 3)
                #expect(more.exitStatus() == 1, "\(more.output)")
                #expect(try await rig.number("select count(*) from multiconnect.job_probes") == 1)
                try await eventually("operators see it") {
                    try await rig.number("select count(*) from multiconnect.workers where quiet") == 1
                }
                let other = try await rig.startWorkers(1)[0]
                try await rig.untilEffects(6)
                worker.signal(SIGTERM)
                #expect(worker.exitStatus() == 0, "\(worker.output)")
                other.kill()
            }
        }

        @Test func `jobs that outlast a stop are requeued for another worker at once`() async throws {
            try await withQueueRig { rig in
                let first = try await rig.startWorkers(1)[0]
                let check = try rig.startCheck(10, milliseconds: 60_000)
                _ = try await rig.untilRunning(10, by: first)
                let second = try await rig.startWorkers(1)[0]
                first.signal(SIGTERM)
                let begin = ContinuousClock.now
                #expect(first.exitStatus() == 0, "\(first.output)")
                #expect(ContinuousClock.now - begin < .seconds(26))
                _ = try await rig.untilRunning(10, by: second)
                // From the end on one worker to the start on the other, by the database's clock.
                let milliseconds = try await rig.number(
                    """
                    select round(extract(epoch from max(j.started_at - a.finished_at)) * 1000)::int
                    from multiconnect.job_attempts as a join multiconnect.jobs as j on j.id = a.job_id
                    where a.outcome = 'handed_back'
                    """)
                printFigure("jobs.recovery_clean_stop_s", Double(milliseconds) / 1000, "s", "<=2")
                #expect(milliseconds <= 2000)
                #expect(
                    try await rig.number(
                        "select max(crash_claims) from multiconnect.jobs where \(QueueRig.probes)") == 0)
                #expect(
                    try await rig.number(
                        "select min(attempt) from multiconnect.jobs where \(QueueRig.probes)") == 2)
                check.kill()
                second.kill()
            }
        }
    }
}
