internal import FoundationEssentials
import Jobs
import Logging
import Postgres
import Reactor

/// Runs claimed jobs on one loop and records how they end.
struct JobRunner: Sendable {
    let loop: WorkerLoop
    let slots: Slots
    let store: JobStore
    let ends: EndRecorder
    let reporter: RunReporter
    let retryRule: @Sendable (any Error) -> RetryDecision
    let logger: Logger

    private enum Ending {
        case recorded
        /// The plain end of a job, which `EndRecorder` records beside the next jobs.
        case unrecorded
    }

    /// Runs the job; then its slot is free.
    func run(_ job: RunningJob) async {
        switch await perform(job.record, job.run) {
        case .recorded: slots.end(job, isRecorded: true)
        case .unrecorded:
            slots.end(job, isRecorded: false)
            ends.add(job)
        }
    }

    private func perform(_ job: JobRecord, _ run: JobRun) async -> Ending {
        guard let entry = loop.registry[job.className] else {
            // A newer version may know the class, so its job must survive a deploy. Such a start counts as an
            // attempt.
            let maximumAttempts = JobRetryRule.maximumAttemptsOfUnknownClass(job.maximumAttempts)
            let error = loop.registry.refusal(of: job.className)
            await recordFailure(error, of: job, run, maximumAttempts: maximumAttempts)
            return .recorded
        }
        let start = ContinuousClock.now
        let context = JobContext(
            record: job, maximumAttempts: job.maximumAttempts ?? entry.maximumAttempts,
            deadline: start + (job.timeout ?? entry.timeout), run: run, store: store, pool: loop.pool,
            workerLogger: logger)
        let ending: Ending
        switch await attempt(entry, context) {
        case .success(let outcome):
            let duration = ContinuousClock.now - start
            slots.countRun(of: duration)
            reporter.handlerReturned(job, after: duration)
            ending = await record(outcome, of: job, run)
        case .failure(let error):
            await recordFailure(error, of: job, run, maximumAttempts: context.maximumAttempts)
            ending = .recorded
        }
        await push(run.followUps)
        return ending
    }

    private func push(_ record: JobRecord, _ error: any Error = JobsError.cancelledByOperator) async {
        await loop.queue.push([record])
        if record.state.isGivenUp { await loop.onGivenUp(record, error) }
    }

    /// Pushes the jobs that the handler enqueued, after a failure too: one of its transactions may have
    /// committed. Never pushes a rolled-back job: an entry without a row is imported as an external job.
    private func push(_ followUps: [EnqueuedJob]) async {
        guard !followUps.isEmpty else { return }
        do {
            let rows = try await loop.pool.withConnection {
                try await store.existing(followUps.map(\.id), on: $0)
            }
            await loop.queue.push(followUps.filter { rows.contains($0.id) })
        } catch {
            logger.debug(
                "could not push follow-up jobs, reconciler will push them", metadata: ["error": "\(error)"])
        }
    }

    /// Runs the handler. Cancels it at its deadline or when the run is interrupted, and waits for its end.
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
                    let affinity = context.organizationID?.hashValue
                    return .success(
                        try await PostgresPool.$affinity.withValue(affinity) { try await entry.run(context) })
                } catch {
                    return .failure(error)
                }
            }
            if await run.interrupted() != nil { group.cancelAll() }
            return await group.next() ?? .failure(CancellationError())
        }
    }

    private func record(_ outcome: JobOutcome, of job: JobRecord, _ run: JobRun) async -> Ending {
        switch outcome {
        case .completed where run.isCompleted:
            reporter.ended(job, isRecorded: true)
        case .completed, .done: return .unrecorded
        case .again(let pause):
            let isRecorded = await persist(run) {
                let record = try await loop.pool.withConnection {
                    try await store.again(run.claim, after: pause, on: $0)
                }
                if let record { await push(record) }
                return record != nil
            }
            reporter.ended(job, isRecorded: isRecorded)
        }
        return .recorded
    }

    private func recordFailure(
        _ error: any Error, of job: JobRecord, _ run: JobRun, maximumAttempts: Int
    ) async {
        let logger = logger.about(job)
        let jobsError = error as? JobsError
        if run.interruption == .claimLost || jobsError?.code == .claimLost {
            logger.warning("claim lost, failure of job not recorded")
            return
        }
        if run.interruption == .stopping || (run.interruption == nil && Task.isCancelled) {
            await requeue(run, logger)
            return
        }
        let (outcome, shown, decision) = judge(error, run)
        let verdict = JobRetryRule.verdict(
            failures: job.failures + 1, maximumAttempts: maximumAttempts, decision: decision,
            random: Int.random(in: JobRetryRule.jitter))
        var recorded: JobState?
        let isRecorded = await persist(run) {
            let record = try await loop.pool.withConnection {
                try await store.fail(
                    run.claim, outcome: outcome, error: ErrorText(shown, limits: store.limits),
                    verdict: verdict, on: $0)
            }
            if let record { await push(record, shown) }
            recorded = record?.state
            return record != nil
        }
        reporter.failed(job, isRetried: recorded == .retry)
        if recorded == .cancelled { return logger.notice("job cancelled") }
        let isOver = recorded.map { !$0.isOpen } ?? (verdict == .dead)
        logger.log(
            level: isOver ? .error : .warning,
            isOver ? "job dead" : "job failed, will be retried",
            metadata: [
                "error": "\(shown)", "attempt": "\(job.attempt)", "recorded": "\(isRecorded ?? false)",
            ])
    }

    private func judge(_ error: any Error, _ run: JobRun) -> (FailedOutcome, any Error, RetryDecision) {
        switch run.interruption {
        case .timedOut?: return (.timedOut, JobsError.ranTooLong, .retry)
        case .cancelled?: return (.cancelled, JobsError.cancelledByOperator, .discard)
        default: break
        }
        switch (error as? JobsError)?.code {
        case .arguments?: return (.failed, error, .discard)
        case .unknownClass?: return (.failed, error, .retry)
        default: return (.failed, error, retryRule(error))
        }
    }

    private func requeue(_ run: JobRun, _ logger: Logger) async {
        let isRecorded = await persist(run) {
            let records = try await loop.pool.withConnection {
                try await store.requeue([run.claim], on: $0)
            }
            for record in records { await push(record) }
            return !records.isEmpty
        }
        logger.info("job requeued", metadata: ["recorded": "\(isRecorded ?? false)"])
    }

    /// Retries until the lease expires. An end that is not recorded makes the job run again.
    /// - Returns: nil if Postgres was unavailable.
    private func persist(_ run: JobRun, _ operation: () async throws -> Bool) async -> Bool? {
        var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1))
        while true {
            do {
                return try await operation()
            } catch {
                logger.debug("could not record end of job", metadata: ["error": "\(error)"])
                guard !Task.isCancelled, run.leaseUntil > .now else { return nil }
            }
            try? await Task.sleep(for: backoff.next())
        }
    }
}
