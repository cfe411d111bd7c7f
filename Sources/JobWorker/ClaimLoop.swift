import JobIndex
import Jobs
import Logging
import Postgres
import Reactor

/// Claims jobs for free slots and starts them. Claims from Redis, or from the rows while Redis is
/// unavailable.
struct ClaimLoop: Sendable {
    let settings: WorkerSettings
    let slots: Slots
    let client: ClaimClient
    let store: JobStore
    /// The worker's own pool, so that running jobs cannot starve claims.
    let pool: PostgresPool
    let runners: [JobRunner]
    let extensions: [any WorkerExtension]
    let logger: Logger

    private var limits: JobsLimits { settings.limits }

    /// A claimed job without a slot.
    private struct Claimed {
        let job: ClaimedJob
        /// Its entry, in flight until the job starts; nil if the job was claimed without Redis.
        var key: String?
    }

    private enum Source {
        case redis
        /// Redis was unavailable. It is tried again at this time.
        case rows(until: ContinuousClock.Instant)
    }

    private struct RedisFailure: Error {
        let cause: any Error
    }

    /// Claims and starts jobs until the worker stops.
    func run(in jobs: inout DiscardingTaskGroup) async {
        var source = Source.redis
        var backoff = Backoff(initial: .milliseconds(50), maximum: limits.longestBackoff)
        var redis = Outage("redis unavailable, claiming from postgres", until: "redis available again")
        var outage = Outage("could not claim jobs", until: "claiming jobs again")
        while !slots.isStopping {
            let free = await slots.waitForFree()
            guard free > 0 else { break }
            if slots.isQuiet {
                await rest(limits.wakeWait)
                continue
            }
            do {
                let claimed = try await claim(free, from: &source, &redis)
                // An empty claim from Redis does not prove that Postgres answers: it sent no statement.
                if !claimed.isEmpty { outage.finish(logger) }
                await start(claimed, in: &jobs)
                // Lets the started jobs run first, unless there is more to claim.
                if claimed.count < free { await Task.yield() }
                backoff.reset()
            } catch {
                outage.begin(error, logger)
                await rest(backoff.next())
            }
        }
        try? await client.acknowledge()
    }

    private func claim(
        _ free: Int, from source: inout Source, _ redis: inout Outage
    ) async throws -> [Claimed] {
        if case .rows(let until) = source, ContinuousClock.now >= until { source = .redis }
        if case .redis = source {
            do {
                let claimed = try await claimFromRedis(free)
                redis.finish(logger)
                return claimed
            } catch let failure as RedisFailure {
                redis.begin(failure.cause, logger)
                client.reset()
                source = .rows(until: .now + limits.wakeWait)
            }
        }
        let room = room(for: free, free: free)
        let claimed = try await pool.withConnection {
            try await store.claimWaiting(
                min(free, room.smallestRoom), excluding: room.fullClasses, for: settings.identity.text, on: $0
            )
        }
        if claimed.isEmpty { await rest(limits.poll) }
        return claimed.map { Claimed(job: $0) }
    }

    private func claimFromRedis(_ free: Int) async throws -> [Claimed] {
        let count = free + ahead()
        let entries: [QueueIndex.Entry]
        do {
            entries = try await client.claim(count) { room(for: count, free: free) }.entries
        } catch {
            throw RedisFailure(cause: error)
        }
        guard !entries.isEmpty else { return [] }
        let keys = entries.map(\.key)
        // The worker may have become quiet during the wait.
        if slots.isQuiet {
            await client.release(keys)
            return []
        }
        let (jobs, undecided): ([ClaimedJob], [String])
        do {
            (jobs, undecided) = try await pool.withConnection { try await claimRows(entries, on: $0) }
        } catch {
            await client.release(keys)
            throw error
        }
        await client.release(undecided)
        var waiting = Dictionary(uniqueKeysWithValues: jobs.map { ($0.record.id, $0) })
        // These entries are duplicates, or their jobs cannot run now.
        client.settle(keys.filter { waiting[JobID(entryKey: $0)] == nil && !undecided.contains($0) })
        // In the order of the claim.
        return keys.compactMap { key in
            waiting.removeValue(forKey: JobID(entryKey: key)).map { Claimed(job: $0, key: key) }
        }
    }

    /// Returns the claimed jobs, and the keys of entries that must return to their lanes because a statement
    /// failed.
    private func claimRows(
        _ entries: [QueueIndex.Entry], on connection: PostgresConnection
    ) async throws -> (jobs: [ClaimedJob], undecided: [String]) {
        let ids = entries.compactMap { JobID($0.key) }
        let claimed = try await store.claim(ids, for: settings.identity.text, on: connection)
        let found = Set(claimed.map(\.record.id.text))
        let others = entries.filter { !found.contains($0.key) }
        guard !others.isEmpty else { return (claimed, []) }
        do {
            return (claimed + (try await claimOthers(others, on: connection)), [])
        } catch  where !claimed.isEmpty {
            // The claimed jobs must run: a claim left behind would be counted as a crash.
            logger.debug("could not decide about unclaimed entries", metadata: ["error": "\(error)"])
            return (claimed, others.map(\.key))
        }
    }

    /// Handles entries whose rows could not be claimed. Most are duplicates. Extensions may make others
    /// claimable, and the rest is requeued.
    private func claimOthers(
        _ entries: [QueueIndex.Entry], on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        var claimable: [JobID] = []
        for each in extensions { claimable += try await each.claimable(entries, on: connection) }
        let rest = Set(entries.map { JobID(entryKey: $0.key) }).subtracting(claimable)
        try await store.requeueUnclaimed(rest.sorted { $0.text < $1.text }, on: connection)
        guard !claimable.isEmpty else { return [] }
        return try await store.claim(claimable, for: settings.identity.text, on: connection)
    }

    private func room(for count: Int, free: Int) -> ClaimRoom {
        ClaimRoom(
            for: count, free: free, beside: slots.running.map(\.record), tenantCap: settings.tenantCap,
            concurrencies: runners[0].loop.registry.concurrencies)
    }

    /// The number of jobs to claim beyond the free slots. About as many short runs end during this claim as
    /// ended since the last one. Zero after a wait, because the count is old then.
    private func ahead() -> Int {
        let shortRuns = slots.takeShortRuns()
        return client.isPausing ? 0 : min(shortRuns, limits.claimedAhead * settings.concurrency)
    }

    /// Starts jobs as slots become free. Jobs claimed ahead that find no slot in time are unclaimed.
    private func start(_ claimed: [Claimed], in jobs: inout DiscardingTaskGroup) async {
        let claimedAt = ContinuousClock.now
        let leaseUntil = claimedAt + limits.lease
        for (position, next) in claimed.enumerated() {
            guard await slots.waitForFree(until: claimedAt + limits.aheadWait) > 0 else {
                return await unclaim(claimed[position...], until: leaseUntil)
            }
            let job = slots.begin(next.job.record, JobRun(claim: next.job.claim, leaseUntil: leaseUntil))
            let runner = runners[job.loop]
            runner.reporter.tallies.countStarted(job.record, at: job.startedAt)
            if let key = next.key { client.settle([key]) }
            jobs.addTask(executorPreference: runner.loop.executor) { await runner.run(job) }
        }
    }

    /// Retries until the leases expire. A claim left behind would be counted as a crash.
    private func unclaim(_ claimed: ArraySlice<Claimed>, until leaseUntil: ContinuousClock.Instant) async {
        repeat {
            do {
                let requeued = try await pool.withConnection {
                    try await store.unclaim(claimed.map(\.job.claim), on: $0)
                }
                return await client.release(
                    claimed.filter { requeued.contains($0.job.record.id) }.compactMap(\.key))
            } catch {
                logger.debug("could not unclaim jobs", metadata: ["error": "\(error)"])
                try? await EventLoop.current.sleep(for: .milliseconds(50))
            }
        } while .now < leaseUntil && !Task.isCancelled
    }

    /// Sleeps until the worker stops.
    private func rest(_ duration: Duration) async {
        let end = ContinuousClock.now + min(duration, limits.longestBackoff)
        while !slots.isStopping, ContinuousClock.now < end {
            try? await Task.sleep(for: min(.milliseconds(100), end - .now))
            if Task.isCancelled { return }
        }
    }
}
