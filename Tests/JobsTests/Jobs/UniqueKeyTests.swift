import Foundation
import Postgres
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// A unique key has one open job, also during concurrent inserts and ends.
@Suite(.tags(.store))
struct UniqueKeyTests {
    private struct Undone: Error {}

    @Test func `of many concurrent inserts with one key one makes the job, and all return it`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let answers = try await withThrowingTaskGroup(of: EnqueuedJob.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        try await pool.withConnection {
                            try await queue.enqueue(NewJob("A", uniqueKey: "k"), on: $0)
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.isNew } == 1)
            #expect(Set(answers.map(\.id)).count == 1)
            #expect(try await pool.query("select count(*) from multiconnect.jobs").scalar(as: Int.self) == 1)
        }
    }

    @Test(arguments: [true, false])
    func `the second insert with a key waits for the first one's transaction`(
        commits: Bool
    ) async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let job = NewJob("A", uniqueKey: "k")
            try await withThrowingTaskGroup(of: EnqueuedJob.self) { group in
                let first = Mutex<EnqueuedJob?>(nil)
                do {
                    try await pool.transaction { connection in
                        let made = try await queue.enqueue(job, on: connection)
                        first.withLock { $0 = made }
                        group.addTask {
                            try await pool.withConnection { try await queue.enqueue(job, on: $0) }
                        }
                        try await eventually("the second one waits") {
                            try await pool.query(
                                """
                                select count(*) from pg_stat_activity
                                where datname = current_database() and wait_event_type = 'Lock'
                                """
                            ).scalar(as: Int.self) == 1
                        }
                        if !commits { throw Undone() }
                    }
                } catch is Undone {}
                let second = try #require(try await group.next())
                #expect(second.isNew != commits)
                #expect((second.id == first.withLock { $0?.id }) == commits)
            }
            #expect(try await pool.query("select count(*) from multiconnect.jobs").scalar(as: Int.self) == 1)
        }
    }

    @Test func `batches with the same keys in different orders do not deadlock`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let keys = (0..<200).map { "k\($0)" }
            let made = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 {
                    let jobs = keys.shuffled().map { NewJob("A", uniqueKey: $0) }
                    group.addTask { try await queue.enqueue(jobs).count }
                }
                return try await group.reduce(0, +)
            }
            #expect(made == keys.count)
            #expect(
                try await pool.query("select count(distinct unique_key) from multiconnect.jobs").scalar(
                    as: Int.self) == keys.count)
        }
    }

    /// An insert while the open job ends returns that job or makes a new one after it.
    @Test func `jobs with one key run one after the other, however fast they are enqueued`() async throws {
        try await withWorkerRig { rig in
            let beside = Mutex((running: 0, most: 0))
            let registry = WorkerRig.effectful { _ in
                beside.withLock { state in
                    state.running += 1
                    state.most = max(state.most, state.running)
                }
                await Task.yield()
                // Before the completion: the next job may start as soon as it commits.
                beside.withLock { $0.running -= 1 }
            }
            try await rig.running(registry, concurrency: 4) { _ in
                let made = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var made = 0
                            for _ in 0..<50 {
                                let job = try await rig.pool.withConnection {
                                    try await rig.queue.enqueue(NewJob("Effect", uniqueKey: "k"), on: $0)
                                }
                                await rig.queue.push([job])
                                if job.isNew { made += 1 }
                            }
                            return made
                        }
                    }
                    return try await group.reduce(0, +)
                }
                try await rig.wait(for: .done, count: made)
                #expect(made > 1)
                try await rig.expectEachEffectOnce(made)
            }
            #expect(beside.withLock { $0.most } == 1)
        }
    }
}
