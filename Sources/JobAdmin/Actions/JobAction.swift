import FoundationEssentials
package import Jobs

/// An operator's action on a job.
package enum JobAction: String, Sendable, CaseIterable {
    /// Queues the job. A dead or cancelled one gets all its attempts again.
    case retry
    /// Ends the job for good. A running job is interrupted; its handler may take some seconds, or ignore it.
    case cancel
    /// Marks the job as dead. A running job loses its claim, and its worker interrupts it.
    case kill
    /// Removes the job and its history. A running job must be cancelled or killed first.
    case delete

    /// The states that allow the action.
    package var states: Set<JobState> {
        switch self {
        case .retry: [.scheduled, .retry, .dead, .cancelled]
        case .cancel, .kill: [.queued, .scheduled, .running, .retry, .held]
        case .delete: [.queued, .scheduled, .retry, .held, .done, .dead, .cancelled]
        }
    }

    /// Whether the action also applies to a job whose state changes while the action runs.
    var followsJobs: Bool { self == .cancel || self == .kill }

    /// The past tense, as in "3 jobs were cancelled".
    package var pastTense: String {
        switch self {
        case .retry: "queued"
        case .cancel: "cancelled"
        case .kill: "killed"
        case .delete: "deleted"
        }
    }
}

/// The outcome of an action on one job.
package enum JobActionOutcome: Sendable, Equatable {
    /// The job changed from this state.
    case done(from: JobState)
    /// The job runs, and its worker will interrupt it.
    case requested
    /// The job does not exist.
    case unknown
    /// This state does not allow the action.
    case refused(JobState)
    /// Another open job has the unique key.
    case conflict
}

/// The outcome of an action on all jobs that match a filter.
package struct BulkOutcome: Sendable, Equatable {
    /// Jobs that were changed or interrupted.
    package var changed = 0
    /// Jobs that were not changed: another open job has their unique key, or their state changed before the
    /// action reached them.
    package var skipped = 0
    /// Jobs that were read, whether they match or not.
    package var searched = 0
    /// The position at which the action continues; nil if it is finished.
    package var rest: BulkPosition?

    /// Whether the action is finished.
    package var isFinished: Bool { rest == nil }

    package init(changed: Int = 0, skipped: Int = 0, searched: Int = 0, rest: BulkPosition? = nil) {
        self.changed = changed
        self.skipped = skipped
        self.searched = searched
        self.rest = rest
    }
}

/// The position of an action on all jobs that match. It processes one state after the other.
package struct BulkPosition: Sendable, Equatable {
    /// When the action began. Jobs that were enqueued or started later are left alone.
    let start: Date
    let state: JobState
    /// The last job of the state that was read; nil: none.
    let last: JobPosition?

    init(start: Date, state: JobState, last: JobPosition?) {
        self.start = start
        self.state = state
        self.last = last
    }

    /// Reads `description`; nil if the text is not valid.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, let start = JobPosition.time(of: parts[0]),
            let state = JobState(rawValue: String(parts[1]))
        else { return nil }
        let last = parts.count == 3 ? JobPosition(String(parts[2])) : nil
        guard parts.count == 2 || last != nil else { return nil }
        self.init(start: start, state: state, last: last)
    }
}

extension BulkPosition: CustomStringConvertible {
    /// The time, the state and the position in it; safe in URLs.
    package var description: String {
        ([JobPosition.text(of: start), state.rawValue] + (last.map { ["\($0)"] } ?? [])).joined(
            separator: ".")
    }
}
