import FoundationEssentials
import JobIndex
package import Jobs
import Logging
import Postgres

extension JobOperator {
    /// Performs an action on one job.
    package func perform(_ action: JobAction, on id: JobID, by actor: String) async throws -> JobActionOutcome
    {
        let changed: [ChangedJob]
        do {
            changed = try await pool.transaction { connection in
                let changed = try await actions.perform(
                    action, on: [id], by: actor, waits: true, on: connection)
                for job in changed {
                    try await activity.note(
                        "jobs.\(action.rawValue)", by: actor, job: job.id, organization: job.organizationID,
                        detail: job.summary, on: connection)
                }
                return changed
            }
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            return .conflict
        }
        guard let job = changed.first else { return try await refusal(of: action, on: id) }
        await updateIndex(changed)
        await notify(action, changed)
        log(action, by: actor, "job \(id)", changed: 1)
        return action == .cancel && job.from == .running ? .requested : .done(from: job.from)
    }

    /// Performs an action on all jobs that match the filter and whose states allow it, in batches. Jobs that
    /// match only after the start are left alone.
    ///
    /// - Parameters:
    ///   - rest: the position at which an unfinished action continues.
    ///   - time: the action pauses after this time; nil: never.
    ///   - report: called with the progress.
    /// - Throws: `JobsError` with the code `.refused` if none of the filter's states allows the action.
    package func performAll(
        _ action: JobAction, _ filter: JobFilter, by actor: String, from rest: BulkPosition? = nil,
        within time: Duration? = nil,
        report: @escaping @Sendable (BulkOutcome) -> Void = { _ in }
    ) async throws -> BulkOutcome {
        let filter = try Self.possible(action, filter)
        let now = try await pool.transaction { connection in
            try await activity.note(
                "jobs.\(action.rawValue)_all", by: actor, organization: filter.organizationID,
                detail: "\(filter)", on: connection)
            if action == .delete { try await actions.removeTombstones(on: connection) }
            return try await lists.now(on: connection)
        }
        let task = BulkTask(
            action: action, filter: filter, actor: actor, start: rest?.start ?? now,
            deadline: time.map { ContinuousClock.now + $0 }, report: report)
        var outcome = BulkOutcome()
        var changedBefore: Int
        var rest = rest
        repeat {
            changedBefore = outcome.changed
            outcome.skipped = 0
            try await perform(task, from: rest, &outcome)
            rest = nil
            // A job may have changed its state during this pass.
        } while action.followsJobs && outcome.isFinished && outcome.changed > changedBefore
        let changed = outcome.changed
        try await pool.withConnection { connection in
            try await activity.note(
                "jobs.\(action.rawValue)_all_done", by: actor, organization: filter.organizationID,
                detail: "\(changed) jobs: \(filter)", on: connection)
        }
        log(action, by: actor, "\(filter)", changed: changed)
        return outcome
    }

    /// One round over the states.
    private func perform(_ task: BulkTask, from rest: BulkPosition?, _ outcome: inout BulkOutcome)
        async throws
    {
        let states = task.filter.wantedStates
        let first = rest.flatMap { states.firstIndex(of: $0.state) } ?? 0
        for state in states[first...] where outcome.isFinished {
            let last = state == rest?.state ? rest?.last : nil
            outcome.rest = try await perform(task, in: state, after: last, &outcome)
        }
    }

    /// Performs the action on the jobs of one state, part by part. Returns the position at which it continues
    /// if its time is over.
    private func perform(
        _ task: BulkTask, in state: JobState, after last: JobPosition?, _ outcome: inout BulkOutcome
    ) async throws -> BulkPosition? {
        var position = last
        var nextReport = ContinuousClock.now + limits.report
        while true {
            let from = position
            let part = try await pool.withConnection { connection in
                try await lists.ids(
                    state, of: task.filter, beyond: from, rows: limits.countedRows, action: task.action,
                    unchangedSince: task.start, on: connection)
            }
            outcome.searched += part.searched
            for index in stride(from: 0, to: part.ids.count, by: limits.batch) {
                // Changed jobs no longer match, so the next call can read this part again.
                if index > 0, task.isOver { return task.position(state, from) }
                let batch = Array(part.ids[index..<min(index + limits.batch, part.ids.count)])
                let changed = try await performBatch(task.action, batch, by: task.actor)
                outcome.changed += changed
                outcome.skipped += batch.count - changed
            }
            guard part.isMoreLeft else { return nil }
            position = part.end
            // Checked after each part too, because a search can read many parts before it finds a match.
            if task.isOver { return task.position(state, position) }
            if ContinuousClock.now > nextReport {
                task.report(outcome)
                nextReport = .now + limits.report
            }
        }
    }

    /// The filter with the states that allow the action.
    /// - Throws: `JobsError` with the code `.refused` if there are none.
    package static func possible(_ action: JobAction, _ filter: JobFilter) throws -> JobFilter {
        var possible = filter
        possible.states = filter.states.isEmpty ? action.states : filter.states.intersection(action.states)
        guard !possible.states.isEmpty else {
            let states = action.states.map(\.rawValue).sorted().joined(separator: ", ")
            throw JobsError(.refused, "\(action.rawValue) is for jobs in one of these states: \(states)")
        }
        return possible
    }

    private func performBatch(_ action: JobAction, _ ids: [JobID], by actor: String) async throws -> Int {
        do {
            let changed = try await pool.transaction { connection in
                let changed = try await actions.perform(
                    action, on: ids, by: actor, waits: false, on: connection)
                try await activity.note(action, by: actor, jobs: changed, on: connection)
                return changed
            }
            await updateIndex(changed)
            await notify(action, changed)
            return changed.count
        } catch let error as PostgresError where error.sqlState == .uniqueViolation && ids.count > 1 {
            // Another open job has the unique key of one of these jobs. Tries each job alone, to skip that
            // one.
            var changed = 0
            for id in ids { changed += try await performBatch(action, [id], by: actor) }
            return changed
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            return 0
        }
    }

    private func refusal(of action: JobAction, on id: JobID) async throws -> JobActionOutcome {
        guard let state = try await pool.withConnection({ try await actions.state(of: id, on: $0) }) else {
            return .unknown
        }
        return action.states.contains(state) ? .conflict : .refused(state)
    }

    /// Updates Redis after the commit: removes old entries, then pushes the jobs in their new states.
    private func updateIndex(_ changed: [ChangedJob]) async {
        cache.forget()
        guard !changed.isEmpty, let index else { return }
        do {
            try await index.remove(changed.map(\.entry))
        } catch {
            logger.debug("could not remove entries of changed jobs", metadata: ["error": "\(error)"])
        }
        await queue.push(changed.compactMap(\.record))
    }

    /// Calls `onGivenUp` and `onRetry`. A running job that was cancelled has not ended yet.
    private func notify(_ action: JobAction, _ changed: [ChangedJob]) async {
        for job in changed {
            switch action {
            case .retry where job.from.isGivenUp:
                if let record = job.record { await onRetry(record) }
            case .retry: break
            case .cancel, .kill:
                guard let record = job.record, record.state.isGivenUp else { continue }
                let killed = JobsError(.cancelled, "an operator killed the job")
                await onGivenUp(record, action == .kill ? killed : .cancelledByOperator)
            case .delete where job.from.isOpen:
                guard let record = job.removed else { continue }
                await onGivenUp(record, JobsError(.cancelled, "an operator deleted the job"))
            case .delete: break
            }
        }
    }

    private func log(_ action: JobAction, by actor: String, _ what: String, changed: Int) {
        logger.notice(
            "operator action",
            metadata: [
                "actor": "\(actor)", "action": "jobs.\(action.rawValue)", "on": "\(what)",
                "changed": "\(changed)",
            ])
    }
}

/// An action on all jobs that match.
private struct BulkTask: Sendable {
    let action: JobAction
    let filter: JobFilter
    let actor: String
    /// Jobs that were enqueued or started later are left alone.
    let start: Date
    let deadline: ContinuousClock.Instant?
    let report: @Sendable (BulkOutcome) -> Void

    func position(_ state: JobState, _ last: JobPosition?) -> BulkPosition {
        BulkPosition(start: start, state: state, last: last)
    }

    var isOver: Bool { deadline.map { ContinuousClock.now > $0 } ?? false }
}
