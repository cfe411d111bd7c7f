import Logging
import Postgres
import Reactor

/// Runs a claimed job on one loop and records how it ended.
struct JobRunner: Sendable {
    let site: WorkerSite
    let state: WorkerState
    let store: JobStore
    let ends: EndRecorder
    let retryRule: @Sendable (any Error) -> RetryDecision
    let logger: Logger

    /// What is left to do when a job gives its slot back.
    private enum Ending {
        case recorded
        /// A plain good end, which holds up nothing: it is recorded beside the jobs that follow.
        case owed
    }

    /// Runs the job; its slot is free afterwards, whatever happens.
    func run(_ job: WorkerState.Running) async {
        switch await perform(job.record, job.run) {
        case .recorded: state.end(job)
        case .owed:
            state.leave(job)
            ends.add(job)
        }
    }

    private func perform(_ job: JobRecord, _ run: JobRun) async -> Ending {
        guard let entry = site.registry[job.className] else {
            let error =
                job.className == ForeignStore.malformed
                ? JobsError(.arguments, "another client pushed what is no job: nothing can run it")
                : JobsError(.unknownClass, "no handler is registered for the class \(job.className)")
            // A newer version's job, while both run side by side during a deploy: another worker knows it.
            let maximumAttempts = RetryRule.maximumAttemptsOfUnknownClass(job.maximumAttempts)
            await settleFailure(error, of: job, run, maximumAttempts: maximumAttempts)
            return .recorded
        }
        let start = ContinuousClock.now
        let context = JobContext(
            record: job, maximumAttempts: job.maximumAttempts ?? entry.maximumAttempts,
            deadline: start + (job.timeout ?? entry.timeout), run: run, store: store, pool: site.pool,
            workerLogger: logger)
        let ending: Ending
        switch await attempt(entry, context) {
        case .success(let outcome):
            state.countRun(job.className, of: .now - start)
            ending = await settle(outcome, of: job, run)
        case .failure(let error):
            await settleFailure(error, of: job, run, maximumAttempts: context.maximumAttempts)
            ending = .recorded
        }
        await tell(run.followers)
        return ending
    }

    /// Tells Redis where a job is now; or who waits for it that it has come to an end.
    private func tell(_ record: JobRecord, _ error: any Error = JobsError.cancelledByOperator) async {
        await site.queue.push([record])
        if record.state.isGivenUp { await site.onDeath(record, error) }
    }

    /// Tells Redis of what the handler has enqueued, after a failure too: a transaction of it may have committed.
    /// Where one did not, Redis must not hear of the job: without a row it would be taken for another client's.
    private func tell(_ followers: [EnqueuedJob]) async {
        guard !followers.isEmpty else { return }
        do {
            let rows = try await site.pool.withConnection {
                try await store.existing(followers.map(\.id), on: $0)
            }
            await site.queue.push(followers.filter { rows.contains($0.id) })
        } catch {
            logger.debug("jobs are left to the reconciler", metadata: ["error": "\(error)"])
        }
    }

    /// Runs the handler; cancels it when its time is over or somebody ends it, and waits for its end.
    private func attempt(
        _ entry: JobRegistry.Entry, _ context: JobContext
    ) async -> Result<JobOutcome, any Error> {
        let run = context.run
        let timer = EventLoop.current.schedule(at: context.deadline) { run.interrupt(.timedOut) }
        defer { timer.cancel() }
        return await withTaskGroup(of: Result<JobOutcome, any Error>.self) { group in
            group.addTask {
                defer { run.finish() }
                do {
                    return .success(try await entry.run(context))
                } catch {
                    return .failure(error)
                }
            }
            if await run.interrupted() != nil { group.cancelAll() }
            return await group.next() ?? .failure(CancellationError())
        }
    }

    private func settle(_ outcome: JobOutcome, of job: JobRecord, _ run: JobRun) async -> Ending {
        switch outcome {
        case .completed where run.isCompleted:
            state.noteEnd(of: job, wasHeld: true, logger)
        case .completed, .done: return .owed
        case .again(let pause):
            let held = await persist(run) {
                let record = try await site.pool.withConnection {
                    try await store.again(run.claim, after: pause, on: $0)
                }
                if let record { await tell(record) }
                return record != nil
            }
            state.noteEnd(of: job, wasHeld: held, logger)
        }
        return .recorded
    }

    private func settleFailure(
        _ error: any Error, of job: JobRecord, _ run: JobRun, maximumAttempts: Int
    ) async {
        let logger = logger.about(job)
        let jobsError = error as? JobsError
        if run.interruption == .claimLost || jobsError?.code == .claimLost {
            logger.warning("job's claim was lost; nothing was recorded")
            return
        }
        if run.interruption == .stopping || (run.interruption == nil && Task.isCancelled) {
            await handBack(run, logger)
            return
        }
        let (outcome, shown, decision) = judge(error, run)
        let verdict = RetryRule.verdict(
            failures: job.failures + 1, maximumAttempts: maximumAttempts, decision: decision,
            random: Int.random(in: RetryRule.jitter))
        var recorded: JobState?
        let held = await persist(run) {
            let record = try await site.pool.withConnection {
                try await store.fail(
                    run.claim, outcome: outcome, error: ErrorText(shown, limits: store.limits),
                    verdict: verdict, on: $0)
            }
            if let record { await tell(record, shown) }
            recorded = record?.state
            return record != nil
        }
        state.countFailed(job.className, isRetried: recorded == .retry)
        if recorded == .cancelled { return logger.notice("job was cancelled") }
        let isOver = recorded.map { !$0.isOpen } ?? (verdict == .dead)
        logger.log(
            level: isOver ? .error : .warning,
            isOver ? "job failed for good" : "job failed and will be retried",
            metadata: [
                "error": "\(shown)", "attempt": "\(job.attempt)", "recorded": "\(held ?? false)",
            ])
    }

    private func judge(_ error: any Error, _ run: JobRun) -> (FailedOutcome, any Error, RetryDecision) {
        switch run.interruption {
        case .timedOut?:
            return (.timedOut, JobsError(.timedOut, "the job ran longer than its class allows"), .retry)
        case .cancelled?:
            return (.cancelled, JobsError.cancelledByOperator, .discard)
        default: break
        }
        if let error = error as? JobsError, error.code == .arguments {
            return (.failed, error, .discard)
        }
        if let error = error as? JobsError, error.code == .unknownClass { return (.failed, error, .retry) }
        return (.failed, error, retryRule(error))
    }

    private func handBack(_ run: JobRun, _ logger: Logger) async {
        let held = await persist(run) {
            let records = try await site.pool.withConnection { try await store.handBack([run.claim], on: $0) }
            for record in records { await tell(record) }
            return !records.isEmpty
        }
        logger.info("job handed back", metadata: ["recorded": "\(held ?? false)"])
    }

    /// Tries as long as the lease holds: an ending that was not recorded makes the job run again. Nil when it
    /// could not be recorded.
    private func persist(
        _ run: JobRun, _ operation: () async throws -> Bool
    ) async -> Bool? {
        var pause: Duration = .milliseconds(50)
        while true {
            do {
                return try await operation()
            } catch {
                logger.debug("the end of a job is not recorded yet", metadata: ["error": "\(error)"])
                guard !Task.isCancelled, run.leaseUntil > .now else { return nil }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }
}
