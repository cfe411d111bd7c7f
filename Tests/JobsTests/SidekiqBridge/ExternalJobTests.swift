import Foundation
import Postgres
import Redis
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Jobs of other clients run, and are not lost either.
@Suite(.tags(.interop))
struct ExternalJobTests {
    private struct Boom: Error {}

    @Test func `jobs of a Ruby client run: at once, in bulk, scheduled, of a tenant`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            try await rig.running(WorkerRig.effectful()) { _ in
                let jid = try await ruby.push("Effect", #"[1,{"b":null}]"#)
                try await rig.wait(for: .done)
                let row = try #require(
                    try await rig.pool.query(
                        "select id, queue, args::text as args, attempt from multiconnect.jobs"
                    ).first)
                #expect(try row["id", as: String.self] == jid)
                #expect(try row["queue", as: String.self] == "default")
                #expect(try row["args", as: String.self] == #"[1, {"b": null}]"#)
                _ = try await ruby.perform("Effect")
                _ = try await ruby.perform("Effect", in: 1.5)
                _ = try await ruby.pushBulk("Effect", queue: "bulk", count: 50)
                let tenant = UUID()
                _ = try await ruby.push("Effect", queue: "default:t-\(tenant.uuidString.lowercased())")
                try await rig.wait(for: .done, count: 54)
                let ours = try await rig.scalar(
                    "select count(*) from multiconnect.jobs where organization_id = \(tenant)", as: Int.self)
                #expect(ours == 1)
            }
            try await rig.expectEachEffectOnce(54)
        }
    }

    @Test func `a scheduled external job gets its row before it is due, and survives the loss of Redis`()
        async throws
    {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            try await rig.running(WorkerRig.effectful()) { _ in
                let jid = try await ruby.push("Effect", "[]", in: 3600)
                try await rig.wait(for: .scheduled)
                #expect(try await rig.scalar("select id from multiconnect.jobs", as: String.self) == jid)
                let wait = try await rig.scalar(
                    "select extract(epoch from run_at - now())::float8 from multiconnect.jobs",
                    as: Double.self)
                #expect((3500...3600).contains(wait))
                // Our own entry has replaced the client's.
                try await eventually("one entry") {
                    let members = try await rig.client.send(["ZRANGE", "schedule", "0", "-1"]).elements
                    return members?.count == 1 && members?.first?.text?.contains(".0,") == false
                }
                _ = try await rig.client.send(["FLUSHALL"])
                try await eventually("it is back") {
                    try await rig.client.send(["ZCARD", "schedule"]).integer == 1
                }
            }
        }
    }

    @Test func `an external job that is pushed many times runs once`() async throws {
        try await withWorkerRig { rig in
            let payload = #"{"class":"Effect","args":[],"jid":"aaaaaaaaaaaaaaaaaaaaaaaa"}"#
            let odd = #"{"class":"Effect","args":[],"jid":"550E8400-E29B-41D4-A716-446655440000"}"#
            for _ in 0..<10 {
                _ = try await rig.client.send(["LPUSH", "queue:default", "\(payload)", "\(odd)"])
            }
            _ = try await rig.client.send(["SADD", "queues", "default"])
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .done, count: 2)
                try await eventually("the rest is gone") {
                    try await rig.client.send(["EXISTS", "queue:default"]).integer == 0
                }
            }
            try await rig.expectEachEffectOnce(2)
        }
    }

    @Test func `a crash between the pop and the row loses no external job`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            let jids = try await ruby.pushBulk("Effect", count: 5)
            _ = try await index.leadsScan("gone")
            // Popped by a worker that crashes.
            let taken = try await index.claim(5, acknowledging: [])
            #expect(Set(taken.entries.map(\.key)) == Set(jids))
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .done, count: 5)
            }
            try await rig.expectEachEffectOnce(5)
        }
    }

    @Test func `a payload that is not a job becomes a dead job with the reason`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            let long = String(repeating: "z", count: 30_000)
            let malformed = [
                "nonsense <script>", "{}", #"{"class":"Effect"}"#, #"{"class":"Effect","args":{}}"#,
                #"{"class":"Effect","args":["\u0000"],"jid":"bbbbbbbbbbbbbbbbbbbbbbbb"}"#,
                #"{"class":"Effect","args":["\ud800"]}"#, #"{"class":"Effect","args":[1e999999]}"#,
                "[\"\(long)\"]",
            ]
            for text in malformed {
                _ = try await rig.client.send(["LPUSH", "queue:odd", RedisArgument(text)])
            }
            let bytes: [UInt8] = [0xff, 0, 0x7b, 0xfe]
            _ = try await rig.client.send(["LPUSH", "queue:odd", RedisArgument(bytes)])
            _ = try await rig.client.send(["SADD", "queues", "odd"])
            _ = try await rig.client.send(["ZADD", "schedule", "1", "not json"])
            _ = try await rig.client.send(["ZADD", "schedule", "+inf", "never"])
            _ = try await rig.client.send(["ZADD", "retry", "99999999999999", "{ }"])
            try await rig.running(WorkerRig.effectful()) { _ in
                // All go on running.
                _ = try await ruby.push("Effect", queue: "odd")
                try await rig.wait(for: .done)
                try await rig.wait(for: .dead, count: malformed.count + 4)
                try await eventually("Redis shows them") {
                    try await rig.client.send(["ZCARD", "dead"]).integer == malformed.count + 4
                }
                try await eventually("nothing is left") {
                    let keys = try await rig.client.send(
                        ["EXISTS", "queue:odd", "schedule", "retry", "multiconnect:inflight"])
                    return keys.integer == 0
                }
            }
            let kept = try await rig.pool.query(
                "select args->>0 from multiconnect.jobs where class = 'MalformedPayload' order by 1"
            ).column(as: String.self)
            for text in malformed { #expect(kept.contains(String(text.prefix(10_000)))) }
            let reasons = try await rig.pool.query(
                "select distinct error_message from multiconnect.jobs where class = 'MalformedPayload'"
            ).column(as: String.self)
            #expect(reasons.contains { $0.contains("22P05") })
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `an external job of an unknown class waits until it is due, then for a worker that knows it`()
        async throws
    {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            let later = try await ruby.push("Newer", "[]", in: 3600)
            // retry: false, and not run yet.
            _ = try await rig.client.send([
                "LPUSH", "queue:default", #"{"class":"Newer","args":[],"retry":false}"#,
            ])
            _ = try await rig.client.send(["SADD", "queues", "default"])
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .scheduled)
                try await rig.wait(for: .retry)
            }
            let reason = try await rig.scalar(
                "select error_message from multiconnect.jobs where state = 'retry'", as: String.self)
            #expect(reason.contains("no handler is registered for the class Newer"))
            #expect(
                try await rig.scalar(
                    "select id from multiconnect.jobs where state = 'scheduled'", as: String.self)
                    == later)
            _ = try await rig.pool.execute(
                "update multiconnect.jobs set state = 'queued', run_at = now(), pushed_epoch = null")
            var registry = JobRegistry()
            registry.register("Newer", timeout: .seconds(5)) { _ in .done }
            try await rig.running(registry) { _ in try await rig.wait(for: .done, count: 2) }
        }
    }

    @Test func `jobs run in queues whose names have colons`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            for queue in ["mailers:low", "a:t-nobody", "a:f-1"] {
                _ = try await ruby.push("Effect", queue: queue)
            }
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 3) }
            let queues = try await rig.pool.query("select queue from multiconnect.jobs order by queue")
                .column(as: String.self)
            #expect(queues == ["a:f-1", "a:t-nobody", "mailers:low"])
            try await rig.expectEachEffectOnce(3)
        }
    }

    @Test func `a retried malformed job is dead at once`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue(NewJob(ExternalStore.malformed, arguments: ["{"]))
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .dead) }
            #expect(
                try await rig.scalar("select error_message from multiconnect.jobs", as: String.self).contains(
                    "not a job"))
        }
    }

    @Test func `a queue whose key is not a list does not block others`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.client.send(["SET", "queue:text", "x"])
            _ = try await rig.client.send(["SADD", "queues", "text"])
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            try await rig.running(WorkerRig.effectful()) { _ in
                _ = try await ruby.push("Effect", queue: "other")
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a failed external job is retried as its client asked`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Fails", timeout: .seconds(5)) { _ in throw Boom() }
            try await rig.running(registry) { _ in
                _ = try await rig.client.send([
                    "LPUSH", "queue:default", #"{"class":"Fails","args":[],"retry":2}"#,
                ])
                _ = try await rig.client.send(["SADD", "queues", "default"])
                try await rig.wait(for: .dead)
            }
            #expect(try await rig.scalar("select attempt from multiconnect.jobs", as: Int.self) == 3)
        }
    }

    @Test func `a leftover entry of an ended job is removed before its row is pruned`() async throws {
        try await withWorkerRig { rig in
            try await rig.running(WorkerRig.effectful()) { _ in
                let job = try await rig.pool.withConnection {
                    try await rig.queue.enqueue(
                        NewJob("Effect", runAt: Date().addingTimeInterval(3600)), on: $0)
                }
                await rig.queue.push([job])
                // As if a user had pressed "Add to queue".
                _ = try await rig.pool.execute(
                    "update multiconnect.jobs set state = 'queued', run_at = now(), pushed_epoch = null")
                try await rig.wait(for: .done)
                try await eventually("the entry is gone") {
                    try await rig.client.send(["EXISTS", "schedule"]).integer == 0
                }
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `an entry that cannot be settled does not delay jobs of the same claim`()
        async throws
    {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<5).map { _ in NewJob("Effect") })
            let payload = #"{"class":"Effect","args":[],"jid":"another's","queue":"default"}"#
            _ = try await rig.client.send(["LPUSH", "queue:default", RedisArgument(payload)])
            _ = try await rig.pool.execute("alter table multiconnect.deleted_jobs rename to away")
            try await rig.running(try rig.worker(WorkerRig.effectful(), concurrency: 10)) { _ in
                try await rig.wait(for: .done, count: 5)
                _ = try await rig.pool.execute("alter table multiconnect.away rename to deleted_jobs")
                try await rig.wait(for: .done, count: 6)
            }
            #expect(try await rig.scalar("select max(attempt) from multiconnect.jobs", as: Int.self) == 1)
            try await rig.expectEachEffectOnce(6)
        }
    }

    @Test func `of several retried dead jobs with one key one runs`() async throws {
        try await withJobsDatabase { _, pool in
            let limits = JobsLimits()
            let queue = JobQueue(pool: pool, limits: limits, logger: quietLogger)
            var ids: [JobID] = []
            for _ in 0..<3 {
                ids.append(try await queue.enqueue(NewJob("Effect", uniqueKey: "k")))
                _ = try await pool.execute(
                    "update multiconnect.jobs set state = 'dead', finished_at = now()")
            }
            let named = ids
            try await pool.withConnection { connection in
                let freed = try await ExternalStore(limits: limits).runNow(named, on: connection)
                #expect(freed.count == 1)
            }
        }
    }
}
