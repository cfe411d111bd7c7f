import Logging
import Postgres
import Reactor

/// Takes jobs for free slots: from Redis, or from the rows themselves while Redis does not answer. One for
/// each worker; it is the only part that waits for work.
struct Fetcher: Sendable {
    /// The worker's own: what jobs hold of their loops' pools keeps nobody from taking more.
    let pool: PostgresPool
    let runners: [JobRunner]
    let state: WorkerState
    let settings: WorkerSettings
    let store: JobStore
    let index: JobIndex
    let imports: ForeignImport
    let wake: WakeUp
    let logger: Logger

    /// A job that is this worker's and has no slot yet.
    private struct Claimed {
        let job: ClaimedJob
        /// Its entry in Redis, in flight until the job has begun; nil when it was taken from the rows.
        var key: String?
    }

    /// Where the next jobs come from.
    private enum Source: Equatable {
        case redis
        /// Redis did not answer; it is asked again at this time.
        case rows(until: ContinuousClock.Instant)
    }

    /// Starts jobs until the worker stops.
    func run(in jobs: inout DiscardingTaskGroup) async {
        var source = Source.redis
        var pause: Duration = .milliseconds(50)
        var redis = Outage(
            "Redis does not answer: jobs are taken from Postgres", until: "Redis answers again")
        var outage = Outage("no jobs can be taken", until: "jobs are taken again")
        while !state.isStopping {
            let free = await state.gate.waitForFree()
            guard free > 0 else { break }
            if state.isQuiet {
                await rest(settings.limits.wake)
                continue
            }
            do {
                let claimed = try await next(free, from: &source, &redis)
                // Where none waited, Postgres was not asked.
                if !claimed.isEmpty { outage.finish(logger) }
                await start(claimed, in: &jobs)
                // What has begun goes first on this loop, unless there is more to take.
                if claimed.count < free { await Task.yield() }
                pause = .milliseconds(50)
            } catch {
                outage.begin(error, logger)
                await rest(pause)
                pause = min(pause * 2, settings.limits.longestPause)
            }
        }
        try? await wake.acknowledge(to: index)
    }

    /// Starts jobs as slots become free. More than were free have been claimed because jobs were short; when one
    /// of them is not, the others go back.
    private func start(_ claimed: [Claimed], in jobs: inout DiscardingTaskGroup) async {
        let claimedAt = ContinuousClock.now
        for (index, next) in claimed.enumerated() {
            guard await state.gate.waitForFree(until: claimedAt + settings.limits.patience) > 0 else {
                return await putBack(claimed[index...], leaseUntil: claimedAt + settings.limits.lease)
            }
            let run = JobRun(claim: next.job.claim, leaseUntil: claimedAt + settings.limits.lease)
            let running = state.begin(next.job.record, run)
            if let key = next.key { wake.owe([key]) }
            let runner = runners[running.loop]
            jobs.addTask(executorPreference: runner.site.executor) { await runner.run(running) }
        }
    }

    /// Tries as long as the leases hold: a claim that stays would count as a start that ended in silence.
    private func putBack(_ claimed: ArraySlice<Claimed>, leaseUntil: ContinuousClock.Instant) async {
        repeat {
            do {
                let back = try await pool.withConnection {
                    try await store.putBack(claimed.map(\.job.claim), on: $0)
                }
                let keys = claimed.filter { back.contains($0.job.record.id) }.compactMap(\.key)
                // Should Redis not answer, it puts them back by itself.
                try? await index.release(keys)
                return
            } catch {
                logger.debug("jobs could not be put back", metadata: ["error": "\(error)"])
                try? await EventLoop.current.sleep(for: .milliseconds(50))
            }
        } while .now < leaseUntil && !Task.isCancelled
    }

    private func next(
        _ free: Int, from source: inout Source, _ redis: inout Outage
    ) async throws -> [Claimed] {
        if case .rows(let until) = source, ContinuousClock.now >= until { source = .redis }
        if source == .redis {
            do {
                let claimed = try await takeFromRedis(free)
                redis.finish(logger)
                return claimed
            } catch let failure as RedisFailure {
                redis.begin(failure.underlying, logger)
                await wake.reset()
                source = .rows(until: .now + settings.limits.wake)
            }
        }
        let room = room(for: free, free: free)
        let claimed = try await pool.withConnection {
            try await store.claimWaiting(free, within: room, for: settings.identity.text, on: $0)
        }
        if claimed.isEmpty { await rest(settings.limits.poll) }
        return claimed.map { Claimed(job: $0) }
    }

    /// An error of Redis, told apart from one of Postgres: the one has another way, the other has none.
    private struct RedisFailure: Error {
        let underlying: any Error
    }

    private func takeFromRedis(_ free: Int) async throws -> [Claimed] {
        let count = free + ahead()
        let taken: JobIndex.Taken
        do {
            taken = try await wake.claim(count, from: index) { room(for: count, free: free) }
        } catch {
            throw RedisFailure(underlying: error)
        }
        guard !taken.entries.isEmpty else { return [] }
        let keys = taken.entries.map(\.key)
        // Asked to take no more while it waited.
        if state.isQuiet {
            try? await index.release(keys)
            return []
        }
        let (jobs, unsettled): ([ClaimedJob], [String])
        do {
            (jobs, unsettled) = try await pool.withConnection { try await own(taken.entries, on: $0) }
        } catch {
            try? await index.release(keys)
            throw error
        }
        try? await index.release(unsettled)
        let owned = Dictionary(uniqueKeysWithValues: jobs.map { ($0.record.id, $0) })
        // What is not this worker's now was there twice, or is no job that can run.
        wake.owe(keys.filter { owned[ForeignImport.id(of: $0)] == nil && !unsettled.contains($0) })
        // In the order of their turns.
        var waiting = owned
        return keys.compactMap { key in
            waiting.removeValue(forKey: ForeignImport.id(of: key)).map { Claimed(job: $0, key: key) }
        }
    }

    /// How many more jobs than there are free slots: as many short ones as have run since the last claim will have
    /// run when this one is over. None after a wait, when that says nothing any more.
    private func ahead() -> Int {
        let shortRuns = state.takeShortRuns()
        return wake.isPausing ? 0 : min(shortRuns, settings.limits.claimedAhead * settings.concurrency)
    }

    /// The jobs that are now this worker's, and the keys of entries about which nothing could be decided.
    private func own(
        _ entries: [JobIndex.Entry], on connection: PostgresConnection
    ) async throws -> (jobs: [ClaimedJob], unsettled: [String]) {
        let ids = entries.compactMap { JobID($0.key) }
        let claimed = try await store.claim(ids, for: settings.identity.text, on: connection)
        let owned = Set(claimed.map(\.record.id.text))
        let others = entries.filter { !owned.contains($0.key) }
        guard !others.isEmpty else { return (claimed, []) }
        do {
            let settled = try await imports.settle(others, for: settings.identity.text, on: connection)
            return (claimed + settled, [])
        } catch  where !claimed.isEmpty {
            // Claims that nobody runs would count as starts that ended in silence.
            logger.debug("entries could not be settled", metadata: ["error": "\(error)"])
            return (claimed, others.map(\.key))
        }
    }

    /// What may be taken besides what the free slots say.
    private func room(for count: Int, free: Int) -> ClaimRoom {
        ClaimRoom(
            for: count, free: free, beside: state.running.map(\.record), tenantCap: settings.tenantCap,
            concurrencies: runners[0].site.registry.concurrencies)
    }

    /// Tells Redis what is owned, until cancelled. Normally the next claim does: this is for when none comes for a
    /// while, and well within the time after which Redis takes entries in flight for lost.
    func acknowledgeNowAndThen() async {
        while !Task.isCancelled {
            try? await EventLoop.current.sleep(for: settings.limits.pop / 4)
            try? await wake.acknowledge(to: index)
        }
    }

    /// A pause that the worker's stop ends.
    private func rest(_ duration: Duration) async {
        let end = ContinuousClock.now + min(duration, settings.limits.longestPause)
        while !state.isStopping, ContinuousClock.now < end {
            try? await Task.sleep(for: min(.milliseconds(100), end - .now))
            if Task.isCancelled { return }
        }
    }
}
