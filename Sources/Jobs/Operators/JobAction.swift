import FoundationEssentials

/// What an operator can do to a job.
package enum JobAction: String, Sendable, CaseIterable {
    /// Runs it now. One that had given up gets all of its attempts again.
    case retry
    /// Ends it for good. A running one is asked to end, which takes some seconds and its handler's consent.
    case cancel
    /// Gives it up at once: it is among the dead. A running one loses its claim, and its worker ends it.
    case kill
    /// Removes it with its history. A running one has to be cancelled or killed before.
    case delete

    /// The states in which it can be done.
    package var states: Set<JobState> {
        switch self {
        case .retry: [.scheduled, .retry, .dead, .cancelled]
        case .cancel, .kill: [.queued, .scheduled, .running, .retry, .held]
        case .delete: [.queued, .scheduled, .retry, .held, .done, .dead, .cancelled]
        }
    }

    /// Whether a job that is met again, in another state, is met by the same action again.
    var followsJobs: Bool { self == .cancel || self == .kill }

    /// What was done, as in "3 jobs were cancelled".
    package var pastTense: String {
        switch self {
        case .retry: "queued"
        case .cancel: "cancelled"
        case .kill: "killed"
        case .delete: "deleted"
        }
    }
}

/// What became of an action on one job.
package enum JobActionOutcome: Sendable, Equatable {
    /// It is done; the state the job had before.
    case done(from: JobState)
    /// The job runs, and its worker will end it.
    case requested
    /// There is no such job.
    case unknown
    /// Jobs in this state cannot be treated so.
    case refused(JobState)
    /// Another open job has its unique key.
    case conflict
}

/// What became of an action on all jobs that fit a filter.
package struct BulkOutcome: Sendable, Equatable {
    /// Jobs that were changed, or asked to end.
    package var changed = 0
    /// Jobs that were left as they are: another open job has their unique key, or somebody changed them
    /// meanwhile.
    package var skipped = 0
    /// Jobs that were looked at, whether they fit or not.
    package var looked = 0
    /// Where it goes on when the time was up before all jobs that fit had been met.
    package var rest: BulkPosition?

    /// Whether all jobs that fitted have been met.
    package var isFinished: Bool { rest == nil }

    package init(changed: Int = 0, skipped: Int = 0, looked: Int = 0, rest: BulkPosition? = nil) {
        self.changed = changed
        self.skipped = skipped
        self.looked = looked
        self.rest = rest
    }
}

/// How far an action on all jobs that fit has come: it takes state after state.
package struct BulkPosition: Sendable, Equatable {
    /// When it began: what came later is left alone.
    let start: Date
    let state: JobState
    /// The last job of the state that was looked at; nil: none.
    let last: JobPosition?

    init(start: Date, state: JobState, last: JobPosition?) {
        self.start = start
        self.state = state
        self.last = last
    }

    /// The position that a text names, as `description` writes it; nil when it is none.
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
    /// The time, the state and the job's place in it; safe in URLs.
    package var description: String {
        ([JobPosition.text(of: start), state.rawValue] + (last.map { ["\($0)"] } ?? [])).joined(
            separator: ".")
    }
}
