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
        var turn = 0
        while !state.isStopping {
            let free = await state.gate.waitForFree()
            guard free > 0 else { break }
            if state.isQuiet {
                await rest(settings.limits.wake)
                continue
            }
            do {
                for job in try await next(free, from: &source) {
                    start(job, on: turn, in: &jobs)
                    turn += 1
                }
                pause = .milliseconds(50)
            } catch {
                logger.debug("no jobs could be taken", metadata: ["error": "\(error)"])
                await rest(pause)
                pause = min(pause * 2, settings.limits.longestPause)
            }
        }
        await acknowledge()
    }

    private func start(_ job: ClaimedJob, on turn: Int, in jobs: inout DiscardingTaskGroup) {
        let runner = runners[turn % runners.count]
        let run = JobRun(claim: job.claim, leaseUntil: .now + settings.limits.lease)
        let job = WorkerState.Running(record: job.record, run: run)
        state.begin(job)
        jobs.addTask(executorPreference: runner.site.executor) { await runner.run(job) }
    }

    private func next(_ count: Int, from source: inout Source) async throws -> [ClaimedJob] {
        if case .rows(let until) = source, ContinuousClock.now >= until { source = .redis }
        if source == .redis {
            do {
                return try await takeFromRedis(count)
            } catch let failure as RedisFailure {
                logger.debug("Redis does not answer", metadata: ["error": "\(failure.underlying)"])
                await wake.reset()
                source = .rows(until: .now + settings.limits.wake)
            }
        }
        let room = room(for: count)
        let claimed = try await pool.withConnection {
            try await store.claimWaiting(count, within: room, for: settings.identity.text, on: $0)
        }
        if claimed.isEmpty { await rest(settings.limits.poll) }
        return claimed
    }

    /// An error of Redis, told apart from one of Postgres: the one has another way, the other has none.
    private struct RedisFailure: Error {
        let underlying: any Error
    }

    private func takeFromRedis(_ count: Int) async throws -> [ClaimedJob] {
        let taken: JobIndex.Taken
        var owned: [String] = []
        do {
            try await wake.wait()
            // Asked to take no more while it waited.
            if state.isQuiet { return [] }
            owned = wake.takeOwned()
            taken = try await index.claim(count, within: room(for: count), acknowledging: owned)
        } catch {
            wake.owe(owned)
            throw RedisFailure(underlying: error)
        }
        wake.set(after: taken)
        guard !taken.entries.isEmpty else { return [] }
        let keys = taken.entries.map(\.key)
        let ids = keys.compactMap(JobID.init)
        do {
            let claimed = try await pool.withConnection { connection in
                let claimed = try await store.claim(ids, for: settings.identity.text, on: connection)
                let owned = Set(claimed.map(\.record.id.text))
                let others = taken.entries.filter { !owned.contains($0.key) }
                guard !others.isEmpty else { return claimed }
                return try await claimed
                    + imports.settle(others, for: settings.identity.text, on: connection)
            }
            wake.owe(keys)
            return claimed
        } catch {
            try? await index.release(keys)
            throw error
        }
    }

    /// What may be taken besides what the free slots say.
    private func room(for count: Int) -> ClaimRoom {
        ClaimRoom(
            for: count, beside: state.running.map(\.record), tenantCap: settings.tenantCap,
            concurrencies: runners[0].site.registry.concurrencies)
    }

    /// Tells Redis what is owned. Normally the next claim does: this is for when none comes for a while.
    private func acknowledge() async {
        let owned = wake.takeOwned()
        // Redis would put them back as duplicates, which do no harm.
        try? await index.acknowledge(owned)
    }

    /// Until cancelled, well within the time after which Redis takes entries in flight for lost.
    func acknowledgeNowAndThen() async {
        while !Task.isCancelled {
            try? await EventLoop.current.sleep(for: settings.limits.pop / 4)
            await acknowledge()
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
