import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// Records of pushes on the rows.
@Suite(.tags(.store))
struct PushRecordTests {
    private func told(_ rig: WorkerRig) async throws -> Int {
        try await rig.client.send(["SCARD", "multiconnect:told"]).integer ?? -1
    }

    private func noted(_ rig: WorkerRig) async throws -> Int {
        try await rig.scalar(
            "select count(*) from multiconnect.jobs where pushed_epoch is not null", as: Int.self)
    }

    @Test func `the push of a job that is claimed at once is not recorded, unless it is released`()
        async throws
    {
        try await withWorkerRig { rig in
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            _ = try await rig.queue.enqueue((0..<3).map { _ in NewJob("Effect") })
            #expect(try await told(rig) == 3)
            let taken = try await index.claim(2, acknowledging: [])
            #expect(taken.entries.count == 2)
            #expect(try await told(rig) == 1)
            try await index.release(taken.entries.map(\.key))
            #expect(try await told(rig) == 3)
            let again = try await index.claim(3, acknowledging: [])
            #expect(Array(again.entries.prefix(2)) == taken.entries)
            #expect(try await told(rig) == 0)
            #expect(try await noted(rig) == 0)
        }
    }

    @Test func `the pushes of waiting jobs are recorded soon, and not repeated`() async throws {
        try await withWorkerRig { rig in
            // A pass records two of them, and the next pass follows at once.
            var limits = rig.limits
            (limits.batch, limits.passStep, limits.livenessCheck) = (2, .zero, .seconds(3))
            let worker = try rig.worker(WorkerRig.effectful(), limits: limits)
            worker.quiet()
            try await rig.running(worker) { _ in
                let later = Date().addingTimeInterval(3600)
                _ = try await rig.queue.enqueue(
                    (0..<40).map { NewJob("Effect", runAt: $0.isMultiple(of: 2) ? later : nil) })
                try await eventually("all pushes are recorded") { try await noted(rig) == 40 }
                #expect(try await told(rig) == 0)
                let since = try await rig.scalar("select clock_timestamp()", as: Date.self)
                try await eventually("there was another pass") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.workers where beat_at > \(since)::timestamptz",
                        as: Int.self) == 1
                }
            }
            #expect(try await rig.client.send(["LLEN", "queue:default"]).integer == 20)
            #expect(try await rig.client.send(["ZCARD", "schedule"]).integer == 20)
        }
    }

    /// Lost workers are looked for between two passes.
    @Test func `a pass of the reconciler ends in time and asks for another one`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<7).map { _ in NewJob("Effect") })
            // Two others were never pushed.
            let silent = JobQueue(pool: rig.pool, limits: rig.limits, logger: quietLogger)
            _ = try await silent.enqueue((0..<2).map { _ in NewJob("Effect") })
            _ = try await rig.pool.execute("update multiconnect.jobs set created_at = now() - interval '5 s'")
            var limits = rig.limits
            (limits.batch, limits.repushRows, limits.passStep) = (2, 2, .zero)
            let reconciler = Reconciler(
                workers: WorkerStore(limits: limits), recovery: RecoveryStore(limits: limits),
                index: QueueIndex(redis: rig.client, limits: limits), tallies: JobTallies(),
                onGivenUp: { _, _ in }, logger: quietLogger)
            func passes() async throws -> Int {
                for count in 1..<50
                where try await rig.pool.withConnection({ try await reconciler.pass(lost: [], on: $0) }) {
                    #expect(try await noted(rig) == 9)
                    #expect(try await rig.client.send(["LLEN", "queue:default"]).integer == 9)
                    return count
                }
                return 50
            }
            // Two at a time, seven pushes are recorded and two jobs are pushed.
            #expect(try await (5..<50).contains(passes()))
            #expect(try await passes() == 1)
            _ = try await rig.client.send(["FLUSHALL"])
            // Two at a time, nine jobs are marked as not pushed, and pushed again.
            #expect(try await (5..<50).contains(passes()))
        }
    }

    @Test func `an unclaimed job whose entry another worker acknowledged is pushed again`() async throws {
        try await withWorkerRig { rig in
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            let store = JobStore(limits: rig.limits)
            let record = try #require(try await rig.queue.enqueue([NewJob("Effect")]).first?.record)
            // Pushed twice, and both pushes are recorded.
            try await index.push([record])
            try await rig.recordPushes()
            let key = record.id.text
            #expect(try await index.claim(1, acknowledging: []).entries.map(\.key) == [key])
            let claims = try await rig.pool.withConnection {
                try await store.claim([record.id], for: "one", on: $0).map(\.claim)
            }
            // Another worker pops the duplicate, cannot claim it, and acknowledges it.
            #expect(try await index.claim(1, acknowledging: []).entries.map(\.key) == [key])
            try await index.acknowledge([key])
            let back = try await rig.pool.withConnection { try await store.unclaim(claims, on: $0) }
            #expect(back == [record.id])
            try await index.release([key])
            #expect(try await rig.client.send(["LLEN", "queue:default"]).integer == 0)
            _ = try await rig.pool.execute("update multiconnect.jobs set created_at = now() - interval '5 s'")
            let unpushed = try await rig.pool.withConnection {
                try await RecoveryStore(limits: rig.limits).unpushed(on: $0).map(\.id)
            }
            #expect(unpushed == [record.id])
        }
    }

    @Test func `the push of a released external job is recorded under its row's id`() async throws {
        try await withWorkerRig { rig in
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            _ = try await index.epoch()
            _ = try await rig.client.send(["SADD", "queues", "default"])
            let payload = #"{"class":"Effect","args":[],"jid":"another's","queue":"default"}"#
            _ = try await rig.client.send(["LPUSH", "queue:default", RedisArgument(payload)])
            _ = try await index.inspect([])
            let key = try #require(try await index.claim(1, acknowledging: []).entries.first?.key)
            try await index.release([key])
            #expect(try await index.takePushed(10).ids == [JobID(entryKey: key)])
        }
    }
}
