import Logging
import Postgres

/// Runs a claimed job on one loop and records how it ended.
struct JobRunner: Sendable {
    let site: WorkerSite
    let state: WorkerState
    let store: JobStore
    let batch: CompletionBatch
    let retryRule: @Sendable (any Error) -> RetryDecision
    let logger: Logger

    /// Runs the job; its slot is free afterwards, whatever happens.
    func run(_ job: ClaimedJob, _ run: JobRun) async {
        defer {
            state.end(job.record.id)
            state.gate.release()
        }
        var logger = logger
        logger[metadataKey: "job"] = "\(job.record.id)"
        logger[metadataKey: "class"] = "\(job.record.className)"
        if let organizationID = job.record.organizationID {
            logger[metadataKey: "organization"] = "\(organizationID)"
        }
        guard let entry = site.registry[job.record.className] else {
            let error = JobsError(.unknownClass, "no handler is registered for this class")
            // A newer version's job, while both run side by side during a deploy: another worker knows it.
            let maximumAttempts = job.record.maximumAttempts ?? RetryRule.defaultMaximumAttempts
            await settleFailure(error, of: job, run, maximumAttempts: maximumAttempts, logger)
            return
        }
        let maximumAttempts = job.record.maximumAttempts ?? entry.maximumAttempts
        let timeout = job.record.timeout ?? entry.timeout
        let context = JobContext(
            id: job.record.id, className: job.record.className, organizationID: job.record.organizationID,
            arguments: job.record.arguments, attempt: job.record.attempt, failures: job.record.failures,
            maximumAttempts: maximumAttempts, deadline: .now + timeout, logger: logger, run: run,
            store: store,
            pool: site.pool)
        let start = ContinuousClock.now
        let result = await attempt(entry, context, run)
        if case .success = result {
            state.countRun(job.record.className, of: .now - start)
        }
        switch result {
        case .success(let outcome): await settle(outcome, of: job, run, logger)
        case .failure(let error):
            await settleFailure(error, of: job, run, maximumAttempts: maximumAttempts, logger)
        }
        // After a failure too: a transaction of the handler may have committed before it. Telling Redis of a
        // job whose transaction did not commit does no harm.
        await site.queue.push(run.followers)
    }

    /// Runs the handler; cancels it when its time is over or somebody ends it, and waits for its end.
    private func attempt(
        _ entry: JobRegistry.Entry, _ context: JobContext, _ run: JobRun
    ) async -> Result<JobOutcome, any Error> {
        await withTaskGroup(of: Result<JobOutcome, any Error>?.self) { group in
            group.addTask {
                defer { run.finish() }
                do {
                    return .success(try await entry.run(context))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                do {
                    try await Task.sleep(until: context.deadline, clock: .continuous)
                    run.interrupt(.timedOut)
                } catch {}
                return nil
            }
            group.addTask {
                _ = await run.interrupted()
                return nil
            }
            var result: Result<JobOutcome, any Error> = .failure(CancellationError())
            while let ended = await group.next() {
                if let ended { result = ended }
                // Whichever ended first ends the others: the handler by cancelling it.
                group.cancelAll()
            }
            return result
        }
    }

    private func settle(_ outcome: JobOutcome, of job: ClaimedJob, _ run: JobRun, _ logger: Logger) async {
        let held: Bool?
        switch outcome {
        case .completed where run.isCompleted:
            held = true
        case .completed, .done:
            held = await persist(run, logger) { try await batch.complete(job.claim) }
        case .again(let pause):
            held = await persist(run, logger) {
                let record = try await site.pool.withConnection {
                    try await store.again(job.claim, after: pause, on: $0)
                }
                if let record { await site.queue.push([record]) }
                return record != nil
            }
        }
        switch held {
        case true?:
            state.countFinished(job.record.className)
            logger.info("job ended well", metadata: ["attempt": "\(job.record.attempt)"])
        case false?: logger.warning("job ended after its claim was lost; nothing was recorded")
        case nil: logger.error("the end of a job could not be recorded; it will run again")
        }
    }

    private func settleFailure(
        _ error: any Error, of job: ClaimedJob, _ run: JobRun, maximumAttempts: Int, _ logger: Logger
    ) async {
        let jobsError = error as? JobsError
        if run.interruption == .claimLost || jobsError?.code == .claimLost {
            logger.warning("job's claim was lost; nothing was recorded")
            return
        }
        if run.interruption == .stopping || (run.interruption == nil && Task.isCancelled) {
            await handBack(job, run, logger)
            return
        }
        let (outcome, shown, decision) = judge(error, run)
        let verdict = RetryRule.verdict(
            failures: job.record.failures + 1, maximumAttempts: maximumAttempts, decision: decision,
            random: Int.random(in: RetryRule.jitter))
        let held = await persist(run, logger) {
            let record = try await site.pool.withConnection {
                try await store.fail(
                    job.claim, outcome: outcome, error: ErrorText(shown, limits: store.limits),
                    verdict: verdict, on: $0)
            }
            if let record { await site.queue.push([record]) }
            return record != nil
        }
        if verdict == .dead, held == true, outcome != .cancelled { await site.onDeath(job.record, shown) }
        state.countFailed(job.record.className, isRetried: verdict != .dead && held == true)
        let level: Logger.Level = verdict == .dead ? .error : .warning
        logger.log(
            level: level, verdict == .dead ? "job failed for good" : "job failed and will be retried",
            metadata: [
                "error": "\(shown)", "attempt": "\(job.record.attempt)", "recorded": "\(held ?? false)",
            ])
    }

    private func judge(_ error: any Error, _ run: JobRun) -> (FailedOutcome, any Error, RetryDecision) {
        switch run.interruption {
        case .timedOut?:
            return (.timedOut, JobsError(.timedOut, "the job ran longer than its class allows"), .retry)
        case .cancelled?:
            return (.cancelled, JobsError(.cancelled, "an operator cancelled the job"), .discard)
        default: break
        }
        if let error = error as? JobsError, error.code == .arguments {
            return (.failed, error, .discard)
        }
        if let error = error as? JobsError, error.code == .unknownClass { return (.failed, error, .retry) }
        return (.failed, error, retryRule(error))
    }

    private func handBack(_ job: ClaimedJob, _ run: JobRun, _ logger: Logger) async {
        let held = await persist(run, logger) {
            let records = try await site.pool.withConnection { try await store.handBack([job.claim], on: $0) }
            await site.queue.push(records)
            return !records.isEmpty
        }
        logger.info("job handed back", metadata: ["recorded": "\(held ?? false)"])
    }

    /// Tries as long as the lease holds: an ending that was not recorded makes the job run again. Nil when it
    /// could not be recorded.
    private func persist(
        _ run: JobRun, _ logger: Logger, _ operation: () async throws -> Bool
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
