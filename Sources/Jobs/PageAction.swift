import FoundationEssentials

/// What a button on Sidekiq's own pages did to a job of ours. They change Redis only, where it is told from
/// leftovers of our own by what a page cannot help doing.
enum PageAction {
    /// Whether an entry of a lane, whose job is not due, was put there by hand.
    ///
    /// - "Add to queue" moves a scheduled job. Leftovers of our own are rare there, and running one early does
    ///   nothing that its own time would not.
    /// - "Retry" lowers the count of retries by one. The same count with the time of the last failure is on
    ///   no entry of ours: that one is written with the failure.
    static func runsNow(_ record: JobRecord, entry: ForeignPayload) -> Bool {
        switch record.state {
        case .scheduled: return true
        case .retry, .dead:
            guard let own = record.failure, let shown = entry.failure else { return false }
            // Numbers lose digits on their way through other programs.
            let isSameFailure =
                abs((own.retriedAt ?? own.failedAt).timeIntervalSince(shown.lastAt)) < 0.000_01
            return isSameFailure && shown.retryCount == own.failures - 2
        case .queued, .running, .held, .done, .cancelled: return false
        }
    }
}
