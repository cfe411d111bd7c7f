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

/// Operators' actions. Each changes the row, then Redis.
@Suite(.tags(.store))
struct JobActionTests {
    private func desk(_ rig: WorkerRig) -> JobOperator {
        JobOperator(
            pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
    }

    private func state(_ id: JobID, _ rig: WorkerRig) async throws -> String? {
        try await rig.pool.query("select state from multiconnect.jobs where id = \(id.text)").scalar()
    }

    /// The number of a job's entries in Redis.
    private func entries(_ id: JobID, _ rig: WorkerRig) async throws -> Int {
        var members: [String] = []
        for key in ["schedule", "retry", "dead"] {
            let reply = try await rig.client.send(["ZRANGE", RedisArgument(key), "0", "-1"])
            members += (reply.elements ?? []).compactMap(\.text)
        }
        for lane in try await rig.client.send(["SMEMBERS", "queues"]).elements ?? [] {
            let reply = try await rig.client.send(
                ["LRANGE", RedisArgument("queue:\(lane.text ?? "")"), "0", "-1"])
            members += (reply.elements ?? []).compactMap(\.text)
        }
        return members.count { $0.contains(id.text) }
    }

    /// A job in a state that a worker caused.
    private func make(_ state: JobState, _ rig: WorkerRig) async throws -> JobID {
        let later = Date().addingTimeInterval(3600)
        let id = try await rig.queue.enqueue(
            NewJob("A", organizationID: UUID(), runAt: state == .scheduled ? later : nil))
        let store = JobStore(limits: rig.limits)
        guard state != .queued, state != .scheduled else { return id }
        _ = try await rig.client.send(["FLUSHALL"])
        try await rig.pool.withConnection { connection in
            guard let job = try await store.claim([id], for: "host:1:abc", on: connection).first else {
                return
            }
            switch state {
            case .done: _ = try await store.complete([job.claim], on: connection)
            case .retry, .dead, .cancelled:
                let record = try await store.fail(
                    job.claim, outcome: state == .cancelled ? .cancelled : .failed,
                    error: ErrorText(className: "Broken", message: "oh", limits: rig.limits),
                    verdict: state == .retry ? .again(after: .seconds(3600)) : .dead, on: connection)
                if let record { await rig.queue.push([record]) }
            case .held:
                _ = try await connection.execute(
                    """
                    update multiconnect.jobs
                    set state = 'held', held_by = 'class:A', claim_token = null, lease_until = null
                    where id = \(id.text)
                    """)
            default: break
            }
        }
        return id
    }

    @Test(arguments: JobAction.allCases)
    func `every state and action has one outcome, in the row and in Redis`(action: JobAction) async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            for from in JobState.allCases {
                let id = try await make(from, rig)
                let outcome = try await desk.perform(action, on: id, by: "ann")
                guard action.states.contains(from) else {
                    #expect(outcome == .refused(from))
                    #expect(try await state(id, rig) == from.rawValue)
                    continue
                }
                let isAsked = action == .cancel && from == .running
                #expect(outcome == (isAsked ? .requested : .done(from: from)), "\(action) \(from)")
                let expected: String? =
                    switch action {
                    case .retry: "queued"
                    case .cancel: isAsked ? "running" : "cancelled"
                    case .kill: "dead"
                    case .delete: nil
                    }
                #expect(try await state(id, rig) == expected, "\(action) \(from)")
                let isListed = action == .retry || action == .kill
                #expect(try await entries(id, rig) == (isListed ? 1 : 0), "\(action) \(from)")
                let notes = try await rig.pool.query(
                    "select action from multiconnect.activity where job_id = \(id.text) and actor = 'ann'"
                ).column(as: String.self)
                #expect(notes == ["jobs.\(action.rawValue)"])
            }
            #expect(try await desk.perform(action, on: JobID(), by: "ann") == .unknown)
        }
    }

    @Test func `onGivenUp is called for each job that an operator kills or cancels`()
        async throws
    {
        try await withWorkerRig { rig in
            let deaths = Mutex<[JobID]>([])
            let desk = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits,
                onGivenUp: { record, _ in deaths.withLock { $0.append(record.id) } }, logger: quietLogger)
            let one = try await make(.running, rig)
            let others = [try await make(.queued, rig), try await make(.retry, rig)]
            _ = try await desk.perform(.kill, on: one, by: "ann")
            _ = try await desk.perform(.kill, on: one, by: "ann")
            #expect(deaths.withLock { $0 } == [one])
            // It has not ended.
            let running = try await make(.running, rig)
            #expect(try await desk.perform(.cancel, on: running, by: "ann") == .requested)
            #expect(deaths.withLock { $0 } == [one])
            let cancelled = try await make(.queued, rig)
            _ = try await desk.perform(.cancel, on: cancelled, by: "ann")
            _ = try await desk.performAll(.kill, JobFilter(), by: "ann")
            #expect(Set(deaths.withLock { $0 }) == Set([one, cancelled, running] + others))
            #expect(deaths.withLock { $0.count } == 5)
        }
    }

    @Test func `onGivenUp is called for a deleted open job, onRetry for a retried dead one`() async throws {
        try await withWorkerRig { rig in
            let told = Mutex<[String]>([])
            let desk = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits,
                onGivenUp: { record, _ in told.withLock { $0.append("end \(record.id)") } },
                onRetry: { record in told.withLock { $0.append("retry \(record.id)") } },
                logger: quietLogger)
            let open = [
                try await make(.queued, rig), try await make(.retry, rig), try await make(.held, rig),
            ]
            for id in open { _ = try await desk.perform(.delete, on: id, by: "ann") }
            #expect(told.withLock { $0 } == open.map { "end \($0)" })
            told.withLock { $0 = [] }
            // These have ended, and onGivenUp was called then.
            for state: JobState in [.done, .dead, .cancelled] {
                _ = try await desk.perform(.delete, on: try await make(state, rig), by: "ann")
            }
            // This one is open.
            _ = try await desk.perform(.retry, on: try await make(.scheduled, rig), by: "ann")
            #expect(told.withLock { $0 } == [])
            let dead = try await make(.dead, rig)
            _ = try await desk.perform(.retry, on: dead, by: "ann")
            #expect(told.withLock { $0 } == ["retry \(dead)"])
        }
    }

    @Test func `a retried dead job runs, with all its attempts`() async throws {
        try await withWorkerRig { rig in
            let id = try await rig.queue.enqueue(NewJob("Effect", maximumAttempts: 1))
            let store = JobStore(limits: rig.limits)
            try await rig.pool.withConnection { connection in
                let claimed = try await store.claim([id], for: "w", on: connection)
                _ = try await store.fail(
                    claimed[0].claim, outcome: .failed,
                    error: ErrorText(className: "E", message: "m", limits: rig.limits), verdict: .dead,
                    on: connection)
            }
            try await rig.running(WorkerRig.effectful()) { _ in
                #expect(try await desk(rig).perform(.retry, on: id, by: "ann") == .done(from: .dead))
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a job that is killed while it runs is interrupted, and its effect does not commit`()
        async throws
    {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .seconds(20)) }
            let id = try await rig.queue.enqueue(NewJob("Effect"))
            try await rig.running(registry) { worker in
                try await rig.wait(for: .running)
                #expect(try await desk(rig).perform(.kill, on: id, by: "ann") == .done(from: .running))
                #expect(try await state(id, rig) == "dead")
                try await eventually("its worker is free") { worker.isIdle }
            }
            #expect(try await rig.scalar("select count(*) from effects", as: Int.self) == 0)
            let attempt = try await rig.pool.query(
                "select outcome, error_message from multiconnect.job_attempts")
            #expect(try attempt.first?["outcome"] == "killed")
            #expect(try attempt.first?["error_message"] == "killed by ann")
        }
    }

    @Test func `a running job that is cancelled ends as cancelled`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .seconds(20)) }
            let id = try await rig.queue.enqueue(NewJob("Effect"))
            try await rig.running(registry) { _ in
                try await rig.wait(for: .running)
                #expect(try await desk(rig).perform(.cancel, on: id, by: "ann") == .requested)
                try await rig.wait(for: .cancelled)
            }
        }
    }

    @Test func `a retry of a job whose unique key is taken is a conflict, and a bulk retry skips it`()
        async throws
    {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            let store = JobStore(limits: rig.limits)
            var ids: [JobID] = []
            for key in ["a", "a", "b"] {
                let id = try await rig.queue.enqueue(NewJob("A", uniqueKey: key))
                try await rig.pool.withConnection { connection in
                    let claimed = try await store.claim([id], for: "w", on: connection)
                    _ = try await store.fail(
                        claimed[0].claim, outcome: .failed,
                        error: ErrorText(className: "E", message: "m", limits: rig.limits), verdict: .dead,
                        on: connection)
                }
                ids.append(id)
            }
            _ = try await rig.queue.enqueue(NewJob("A", uniqueKey: "b"))
            #expect(try await desk.perform(.retry, on: ids[2], by: "ann") == .conflict)
            var filter = JobFilter()
            filter.states = [.dead]
            let outcome = try await desk.performAll(.retry, filter, by: "ann")
            #expect(outcome == BulkOutcome(changed: 1, skipped: 2, searched: 3))
        }
    }

    @Test func `a deleted job does not come back from a leftover entry in Redis`() async throws {
        try await withWorkerRig { rig in
            let id = try await rig.queue.enqueue(NewJob("Effect"))
            let entry = try #require(
                try await rig.client.send(["LRANGE", "queue:default", "0", "-1"]).elements?.first?.text)
            #expect(try await desk(rig).perform(.delete, on: id, by: "ann") == .done(from: .queued))
            // As if the entry had been too far back in its lane, or popped at that moment.
            _ = try await rig.client.send(["LPUSH", "queue:default", RedisArgument(entry)])
            _ = try await rig.client.send(["SADD", "queues", "default"])
            try await rig.running(WorkerRig.effectful()) { _ in
                let other = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done)
                #expect(try await state(other, rig) == "done")
                try await eventually("the entry is gone") {
                    try await rig.client.send(["EXISTS", "queue:default"]).integer == 0
                }
            }
            #expect(try await state(id, rig) == nil)
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a bulk action reaches all matching jobs in batches, and pauses when its time is over`()
        async throws
    {
        try await withWorkerRig { rig in
            var limits = rig.limits
            limits.batch = 20
            limits.countedRows = 50
            let desk = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: limits, logger: quietLogger)
            let jobs = try await rig.pool.transaction { connection in
                var jobs: [EnqueuedJob] = []
                for index in 0..<120 {
                    jobs.append(
                        try await rig.queue.enqueue(
                            NewJob(index.isMultiple(of: 3) ? "B" : "A", organizationID: UUID()),
                            on: connection))
                }
                return jobs
            }
            await rig.queue.push(jobs)
            var filter = JobFilter()
            filter.className = "A"
            #expect(try await desk.count(JobOperator.possible(.cancel, filter)) == JobCount(80))
            let first = try await desk.performAll(.cancel, filter, by: "ann", within: .zero)
            // In the middle of a part, which the next call reads again.
            let position = try #require(first.rest)
            #expect(position.state == .queued && position.last == nil)
            #expect(first == BulkOutcome(changed: 20, skipped: 0, searched: 50, rest: position))
            // Jobs that are enqueued between two calls are left alone.
            _ = try await rig.queue.enqueue(NewJob("A", organizationID: UUID()))
            let rest = try await desk.performAll(
                .cancel, filter, by: "ann", from: BulkPosition(position.description))
            // It reads the skipped jobs once more, because others may match now.
            #expect(rest == BulkOutcome(changed: 60, skipped: 0, searched: 142))
            #expect(
                try await rig.scalar(
                    "select count(*) from multiconnect.jobs where state = 'queued'", as: Int.self)
                    == 41)
            #expect(try await rig.client.send(["SCARD", "queues"]).integer == 41)
            let notes = try await rig.pool.query(
                "select detail from multiconnect.activity where job_id is null order by id"
            ).column(as: String.self)
            let states = "state queued,scheduled,running,retry,held"
            #expect(
                notes == [
                    "\(states), class A", "20 jobs: \(states), class A", "\(states), class A",
                    "60 jobs: \(states), class A",
                ])
            let each = try await rig.pool.query(
                """
                select distinct a.actor || ' ' || a.action || ' ' || a.detail from multiconnect.activity as a
                join multiconnect.jobs as j on j.id = a.job_id and j.state = 'cancelled'
                """
            ).column(as: String.self)
            #expect(each == ["ann jobs.cancel A, was queued"])
            #expect(
                try await rig.scalar(
                    "select count(distinct job_id) from multiconnect.activity", as: Int.self) == 80)
            filter.states = [.done]
            await #expect(throws: JobsError.self) { try await desk.performAll(.cancel, filter, by: "ann") }
        }
    }

    @Test(arguments: [JobAction.cancel, .kill])
    func `a bulk action reaches jobs that change their states meanwhile`(action: JobAction) async throws {
        try await withWorkerRig { rig in
            let (back, started) = (try await make(.running, rig), try await make(.scheduled, rig))
            let first = try await rig.queue.enqueue(NewJob("First"))
            let desk = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits,
                onGivenUp: { record, _ in
                    guard record.id == first else { return }
                    // One is requeued into a state that was read before, another one starts now.
                    await #expect(throws: Never.self) {
                        try await rig.pool.withConnection { connection in
                            _ = try await connection.execute(
                                """
                                update multiconnect.jobs
                                set state = 'queued', claim_token = null, lease_until = null
                                where id = \(back.text)
                                """)
                            _ = try await connection.execute(
                                "update multiconnect.jobs set run_at = now() where id = \(started.text)")
                            let store = JobStore(limits: rig.limits)
                            _ = try await store.claim([started], for: "host:1:abc", on: connection)
                        }
                    }
                }, logger: quietLogger)
            let outcome = try await desk.performAll(action, JobFilter(), by: "ann")
            #expect(outcome.changed == 3 && outcome.isFinished)
            let open = try await rig.pool.query("select id from multiconnect.jobs where finished_at is null")
                .column(as: String.self)
            #expect(open == (action == .cancel ? [started.text] : []), "a running one is only asked to end")
        }
    }

    @Test func `the entries of changed jobs are removed from lanes and sets, and no others`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            var ids: [JobID] = []
            for index in 0..<30 {
                // The arguments contain another job's id. Its entry must stay.
                let named = ids.last?.text ?? ""
                let later = index.isMultiple(of: 2) ? Date().addingTimeInterval(600) : nil
                ids.append(
                    try await rig.queue.enqueue(NewJob("A", arguments: [["jid": named]], runAt: later)))
            }
            for index in [0, 1, 14, 15, 28, 29] {
                #expect(try await desk.perform(.delete, on: ids[index], by: "ann") != .unknown)
            }
            #expect(try await rig.client.send(["LLEN", "queue:default"]).integer == 12)
            #expect(try await rig.client.send(["ZCARD", "schedule"]).integer == 12)
        }
    }
}
