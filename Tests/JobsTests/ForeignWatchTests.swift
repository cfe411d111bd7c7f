import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import Jobs

/// However many jobs are deleted in Redis at once, they are back soon.
@Suite(.tags(.store))
struct ForeignWatchTests {
    /// Jobs for later, of which Redis was told a while ago and knows nothing any more.
    private func loseScheduled(_ count: Int, _ rig: WorkerRig) async throws {
        let later = Date().addingTimeInterval(3600)
        _ = try await rig.queue.enqueue((0..<count).map { _ in NewJob("Effect", runAt: later) })
        try await rig.noteTold()
        _ = try await rig.pool.execute("update multiconnect.jobs set pushed_at = now() - interval '1 min'")
        _ = try await rig.client.send(["DEL", "schedule"])
    }

    private func watch(_ rig: WorkerRig, _ limits: JobsLimits) -> ForeignWatch {
        let store = JobStore(limits: limits)
        let imports = ForeignImport(
            store: ForeignStore(limits: limits), jobs: store, queue: rig.queue, logger: quietLogger)
        return ForeignWatch(
            imports: imports, index: JobIndex(redis: rig.client, limits: limits), pool: rig.pool,
            identity: WorkerIdentity(hostname: "watch", processID: 1), onDeath: { _, _ in },
            logger: quietLogger)
    }

    @Test func `a turn compares all that there is time for, part by part`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(1200, rig)
            var limits = rig.limits
            limits.comparison = 100
            limits.comparisonTurn = .seconds(60)
            var progress = ForeignWatch.Progress()
            #expect(try await watch(rig, limits).compare(&progress) == 1200)
            #expect(
                try await rig.scalar(
                    "select count(*) from multiconnect.jobs where pushed_epoch is null", as: Int.self) == 1200
            )
            #expect(try await watch(rig, limits).compare(&progress) == 0)
        }
    }

    @Test func `a turn ends when its time is over`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(300, rig)
            var limits = rig.limits
            limits.comparison = 100
            limits.comparisonTurn = .zero
            var progress = ForeignWatch.Progress()
            for part in [100, 100, 100, 0] {
                #expect(try await watch(rig, limits).compare(&progress) == part)
            }
        }
    }

    @Test func `turn follows turn as long as something is found`() async throws {
        try await withWorkerRig { rig in
            try await loseScheduled(600, rig)
            var limits = rig.limits
            limits.comparison = 20
            limits.comparisonTurn = .zero
            // Half a minute of pauses, if there were one after each turn.
            limits.adoption = .seconds(1)
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
            var progress = ForeignWatch.Progress()
            #expect(try await watch(rig, rig.limits).compare(&progress) == 1)
            #expect(try await rig.client.send(["EXISTS", RedisArgument(set)]).integer == 0)
            let reason = try await rig.scalar(
                "select error_message from multiconnect.jobs where state = 'dead'", as: String.self)
            #expect(reason.contains("not UTF-8"))
            // Its row is pruned one day: the job must not come again.
            _ = try await rig.pool.execute("delete from multiconnect.jobs")
            #expect(try await watch(rig, rig.limits).compare(&progress) == 0)
            #expect(try await rig.scalar("select count(*) from multiconnect.jobs", as: Int.self) == 0)
        }
    }

    @Test func `what cannot be changed is not counted as a change, so that turns do not follow each other`()
        async throws
    {
        try await withWorkerRig { rig in
            try await loseScheduled(3, rig)
            let holder = try await rig.database.connect()
            defer { holder.close() }
            // As long as somebody holds the rows there is nothing to do.
            try await holder.script("begin; select from multiconnect.jobs for update")
            var progress = ForeignWatch.Progress()
            let watch = watch(rig, rig.limits)
            #expect(try await watch.compare(&progress) == 0)
            try await holder.script("rollback")
            #expect(try await watch.compare(&progress) == 3)
        }
    }

    @Test func `the dead are read on behind one that is not UTF-8`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.client.send(["ZADD", "dead", "1", "{}", "2", RedisArgument(Self.latin1)])
            let index = JobIndex(redis: rig.client, limits: rig.limits)
            let entries = try await index.dead(after: nil)
            #expect(entries.map(\.payload) == [Array("{}".utf8), Self.latin1])
            #expect(try await index.dead(after: entries.last).isEmpty)
        }
    }

    /// A job whose argument is in Latin-1.
    private static let latin1: [UInt8] =
        Array(#"{"class":"Effect","args":["na"#.utf8) + [0xef]
        + Array(#"ve"],"retry":false,"jid":"bbbbbbbbbbbbbbbbbbbbbbb1","created_at":1795225022.8}"#.utf8)

    /// Moves entries as Sidekiq's page does.
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

    @Test func `a job that was killed is found at once among very many, and so are very many`() async throws {
        try await withWorkerRig { rig in
            let later = Date().addingTimeInterval(3600)
            _ = try await rig.queue.enqueue((0..<600).map { _ in NewJob("Effect", runAt: later) })
            try await rig.noteTold()
            var limits = rig.limits
            limits.comparison = 20
            limits.comparisonTurn = .zero
            var progress = ForeignWatch.Progress()
            let watch = watch(rig, limits)
            // However far the other comparisons have come.
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

    @Test func `a job that was killed before it was noted that Redis was told of it stays dead`() async throws
    {
        try await withWorkerRig { rig in
            let later = Date().addingTimeInterval(3600)
            _ = try await rig.queue.enqueue([NewJob("Effect", runAt: later)])
            var progress = ForeignWatch.Progress()
            let watch = watch(rig, rig.limits)
            try await killScheduled(0...0, rig)
            #expect(try await watch.compare(&progress) == 1)
            #expect(try await dead(rig) == 1)
            try await rig.noteTold()
            #expect(try await watch.compare(&progress) == 0)
        }
    }
}
