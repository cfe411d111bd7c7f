import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Jobs that were deleted in Redis come back soon, however many they are.
@Suite(.tags(.store))
struct ExternalChangeScanTests {
    /// Scheduled jobs that were pushed a while ago and that Redis lost.
    private func loseScheduled(_ count: Int, _ rig: WorkerRig) async throws {
        let later = Date().addingTimeInterval(3600)
        _ = try await rig.queue.enqueue((0..<count).map { _ in NewJob("Effect", runAt: later) })
        try await rig.recordPushes()
        _ = try await rig.pool.execute("update multiconnect.jobs set pushed_at = now() - interval '1 min'")
        _ = try await rig.client.send(["DEL", "schedule"])
    }

    private func watch(_ rig: WorkerRig, _ limits: JobsLimits) -> ExternalChangeScan {
        let imports = ExternalImport(
            store: ExternalStore(limits: limits), queue: rig.queue, logger: quietLogger)
        return ExternalChangeScan(
            imports: imports, jobs: JobStore(limits: limits),
            index: QueueIndex(redis: rig.client, limits: limits), pool: rig.pool,
            identity: WorkerIdentity(hostname: "watch", processID: 1), onGivenUp: { _, _ in },
            logger: quietLogger)
    }

    @Test func `a turn compares part by part until all is compared`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(1200, rig)
            var limits = rig.limits
            limits.comparedRows = 100
            limits.comparisonTurn = .seconds(60)
            var progress = ExternalChangeScan.Progress()
            #expect(try await watch(rig, limits).compare(&progress) == 1200)
            #expect(
                try await rig.scalar(
                    "select count(*) from multiconnect.jobs where pushed_epoch is null", as: Int.self) == 1200
            )
            #expect(try await watch(rig, limits).compare(&progress) == 0)
        }
    }

    /// Sidekiq's pages need two transactions for it.
    @Test func `a job that is compared while it is killed is dead and does not come back`() async throws {
        try await withWorkerRig { rig in
            let later = Date().addingTimeInterval(3600)
            _ = try await rig.queue.enqueue(NewJob("Effect", runAt: later))
            try await rig.recordPushes()
            _ = try await rig.pool.execute(
                "update multiconnect.jobs set pushed_at = now() - interval '1 min'")
            let entry = try #require(
                try await rig.client.send(["ZPOPMIN", "schedule"]).elements?.first?.text)
            async let changed = {
                var progress = ExternalChangeScan.Progress()
                return try await watch(rig, rig.limits).compare(&progress)
            }()
            try await Task.sleep(for: rig.limits.pageAction / 4)
            _ = try await rig.client.send(["ZADD", "dead", "1900000000", RedisArgument(entry)])
            #expect(try await changed == 1)
            #expect(try await rig.scalar("select state from multiconnect.jobs", as: String.self) == "dead")
        }
    }

    @Test func `a turn ends when its time is over`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(300, rig)
            var limits = rig.limits
            limits.comparedRows = 100
            limits.comparisonTurn = .zero
            var progress = ExternalChangeScan.Progress()
            for part in [100, 100, 100, 0] {
                #expect(try await watch(rig, limits).compare(&progress) == part)
            }
        }
    }

    @Test func `turns follow each other while they find differences`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(600, rig)
            var limits = rig.limits
            limits.comparedRows = 20
            limits.comparisonTurn = .zero
            // With a pause after each turn this would take half a minute.
            limits.laneScan = .seconds(1)
            let watch = watch(rig, limits)
            let began = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await watch.run() }
                try await eventually(within: .seconds(20), "all are found") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where pushed_epoch is null", as: Int.self)
                        == 600
                }
                group.cancelAll()
            }
            #expect(ContinuousClock.now - began < .seconds(25))
        }
    }

    @Test(arguments: ["schedule", "retry"])
    func `an entry that is not UTF-8 becomes a dead job once, and leaves Redis by its exact bytes`(
        _ set: String
    )
        async throws
    {
        try await withWorkerRig { rig in
            _ = try await rig.client.send([
                "ZADD", RedisArgument(set), "1900000000", RedisArgument(Self.latin1),
            ])
            var progress = ExternalChangeScan.Progress()
            #expect(try await watch(rig, rig.limits).compare(&progress) == 1)
            #expect(try await rig.client.send(["EXISTS", RedisArgument(set)]).integer == 0)
            let reason = try await rig.scalar(
                "select error_message from multiconnect.jobs where state = 'dead'", as: String.self)
            #expect(reason.contains("not UTF-8"))
            // After its row is pruned the entry must not be imported again.
            _ = try await rig.pool.execute("delete from multiconnect.jobs")
            #expect(try await watch(rig, rig.limits).compare(&progress) == 0)
            #expect(try await rig.scalar("select count(*) from multiconnect.jobs", as: Int.self) == 0)
        }
    }

    @Test func `a difference that cannot be changed does not start another turn`()
        async throws
    {
        try await withWorkerRig { rig in
            try await loseScheduled(3, rig)
            let holder = try await rig.database.connect()
            defer { holder.close() }
            // Nothing can be changed while the rows are locked.
            try await holder.script("begin; select from multiconnect.jobs for update")
            var progress = ExternalChangeScan.Progress()
            let watch = watch(rig, rig.limits)
            #expect(try await watch.compare(&progress) == 0)
            try await holder.script("rollback")
            #expect(try await watch.compare(&progress) == 3)
        }
    }

    @Test func `dead entries after one that is not UTF-8 are read`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.client.send(["ZADD", "dead", "1", "{}", "2", RedisArgument(Self.latin1)])
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            let entries = try await index.dead(after: nil)
            #expect(entries.map(\.payload) == [Array("{}".utf8), Self.latin1])
            #expect(try await index.dead(after: entries.last).isEmpty)
        }
    }

    /// A job whose argument is in Latin-1.
    private static let latin1: [UInt8] =
        Array(#"{"class":"Effect","args":["na"#.utf8) + [0xef]
        + Array(#"ve"],"retry":false,"jid":"bbbbbbbbbbbbbbbbbbbbbbb1","created_at":1795225022.8}"#.utf8)

    /// Moves entries like Sidekiq's pages.
    private func killScheduled(_ range: ClosedRange<Int>, _ rig: WorkerRig) async throws {
        let script = """
            local time = redis.call('TIME')
            local now = string.format('%d.%06d', time[1], time[2])
            for _, payload in ipairs(redis.call('ZRANGE', 'schedule', ARGV[1], ARGV[2])) do
                redis.call('ZREM', 'schedule', payload)
                redis.call('ZADD', 'dead', now, payload)
            end
            """
        _ = try await rig.client.send([
            "EVAL", RedisArgument(script), "0", RedisArgument(range.lowerBound),
            RedisArgument(range.upperBound),
        ])
    }

    private func dead(_ rig: WorkerRig) async throws -> Int {
        try await rig.scalar("select count(*) from multiconnect.jobs where state = 'dead'", as: Int.self)
    }

    @Test func `killed jobs are found at once among very many, and very many are found`() async throws {
        try await withWorkerRig { rig in
            let later = Date().addingTimeInterval(3600)
            _ = try await rig.queue.enqueue((0..<600).map { _ in NewJob("Effect", runAt: later) })
            try await rig.recordPushes()
            var limits = rig.limits
            limits.comparedRows = 20
            limits.comparisonTurn = .zero
            var progress = ExternalChangeScan.Progress()
            let watch = watch(rig, limits)
            // Wherever the other comparisons are.
            for _ in 0..<3 { #expect(try await watch.compare(&progress) == 0) }
            try await killScheduled(599...599, rig)
            #expect(try await watch.compare(&progress) == 1)
            #expect(try await dead(rig) == 1)
            #expect(try await watch.compare(&progress) == 0)
            try await killScheduled(0...99, rig)
            for _ in 0..<5 { #expect(try await watch.compare(&progress) == 20) }
            #expect(try await dead(rig) == 101)
            #expect(try await watch.compare(&progress) == 0)
        }
    }

    @Test func `a job that was killed before its push was recorded stays dead`() async throws {
        try await withWorkerRig { rig in
            let later = Date().addingTimeInterval(3600)
            _ = try await rig.queue.enqueue([NewJob("Effect", runAt: later)])
            var progress = ExternalChangeScan.Progress()
            let watch = watch(rig, rig.limits)
            try await killScheduled(0...0, rig)
            #expect(try await watch.compare(&progress) == 1)
            #expect(try await dead(rig) == 1)
            try await rig.recordPushes()
            #expect(try await watch.compare(&progress) == 0)
        }
    }
}
