import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// A thousand jobs with one row each as effect, while workers and servers are killed, stopped or emptied.
    /// Every run ends with exactly a thousand rows.
    @Suite(.tags(.long))
    struct KillTests {
        @Test func `workers killed at any moment lose no job and run none twice`() async throws {
            try await withQueueRig { rig in
                var workers = try await rig.startWorkers(2)
                let check = try rig.startCheck(milliseconds: 20)
                for round in 1...6 {
                    try await rig.untilEffects(round * 120)
                    // At any moment: after a pop, after a claim, inside a job, after a commit.
                    try await Task.sleep(for: .milliseconds(.random(in: 0...100)))
                    workers.removeFirst().kill()
                    workers.append(try rig.startWorker())
                }
                let begin = ContinuousClock.now
                try await rig.expectEachEffectOnce(check)
                print(
                    "the last of \(QueueRig.jobs) jobs ended", ContinuousClock.now - begin,
                    "after the last kill")
                #expect(
                    try await rig.number(
                        "select count(*) from multiconnect.jobs where \(QueueRig.probes) and state = 'dead'")
                        == 0)
                workers.forEach { $0.kill() }
            }
        }

        @Test func `the jobs of a killed worker run again within seconds`() async throws {
            try await withQueueRig { rig in
                var worst = 0.0
                for _ in 1...2 {
                    let first = try await rig.startWorkers(1)[0]
                    let before = try await rig.number(
                        "select count(*) from multiconnect.jobs where \(QueueRig.probes)")
                    let check = try rig.startCheck(10, milliseconds: 8000)
                    _ = try await rig.untilRunning(10, by: first)
                    let second = try await rig.startWorkers(1)[0]
                    first.kill()
                    worst = max(worst, try await rig.untilRunning(10, by: second))
                    try await eventually(within: .seconds(60)) { !check.isRunning }
                    try await rig.expectEachEffectOnce(check, jobs: before + 10)
                    second.kill()
                }
                printFigure("jobs.recovery_kill_s", worst, "s", "<=5")
                #expect(worst <= 5)
            }
        }

        /// Short jobs are stopped inside their transactions, which keep their locks.
        @Test(arguments: [20, 1])
        func `a suspended worker loses its leases, and its late writes are refused`(
            milliseconds: Int
        ) async throws {
            try await withQueueRig { rig in
                let workers = try await rig.startWorkers(2)
                let check = try rig.startCheck(milliseconds: milliseconds)
                try await rig.untilEffects(300)
                workers[0].signal(SIGSTOP)
                let begin = ContinuousClock.now
                // First the jobs of the other worker, then those of the stopped one.
                try await rig.expectEachEffectOnce(check)
                let seconds = (ContinuousClock.now - begin) / .seconds(1)
                printFigure("jobs.recovery_stop_s", seconds, "s", "<=15")
                #expect(seconds <= 15)
                let taken = try await rig.number(
                    "select count(*) from multiconnect.job_attempts where outcome = 'crashed'")
                #expect(taken > 0)
                workers[0].signal(SIGCONT)
                // It notices that its claims are lost, changes nothing, and continues.
                try await eventually(within: .seconds(20), "the late ends are refused\n\(workers[0].output)")
                {
                    try await rig.number("select count(*) from multiconnect.workers where stopped_at is null")
                        == 2
                }
                workers[1].kill()
                let next = try rig.startCheck(20, milliseconds: 0)
                try await rig.expectEachEffectOnce(next, jobs: QueueRig.jobs + 20)
                workers[0].kill()
            }
        }

        @Test func `emptying, killing and restarting Redis costs only time`() async throws {
            try await withQueueRig { rig in
                let workers = try await rig.startWorkers(2)
                let check = try rig.startCheck(milliseconds: 20)
                try await rig.untilEffects(150)
                try rig.flushRedis()
                try await rig.untilEffects(350)
                rig.redis.kill()
                try await rig.untilEffects(600)
                try rig.redis.restart()
                try await rig.untilEffects(800)
                rig.redis.kill()
                try rig.redis.restart()
                try await rig.expectEachEffectOnce(check)
                workers.forEach { $0.kill() }
            }
        }

        @Test func `killing and restarting Postgres costs only time`() async throws {
            try await withLoop {
                let postgres = try await PrivatePostgres()
                defer { postgres.remove() }
                let rig = try QueueRig(databaseURL: postgres.url)
                defer { rig.stop() }
                let workers = try await rig.startWorkers(2)
                let check = try rig.startCheck(milliseconds: 20)
                for round in 1...2 {
                    try await rig.untilEffects(round * 300)
                    postgres.kill()
                    try await postgres.restart()
                }
                try await rig.expectEachEffectOnce(check)
                let areAlive = workers.allSatisfy { $0.isRunning }
                #expect(areAlive)
                workers.forEach { $0.kill() }
            }
        }
    }
}
