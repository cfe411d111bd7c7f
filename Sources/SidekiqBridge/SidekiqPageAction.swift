import FoundationEssentials
import Jobs

/// Actions on Sidekiq's pages. They change Redis only, and leave traces that our own pushes never leave.
enum SidekiqPageAction {
    /// Whether a user put the entry into its lane. The job is not due.
    ///
    /// - "Add to queue" moves a scheduled job. A leftover entry of ours looks the same, but is rare, and
    ///   running a scheduled job early is harmless.
    /// - "Retry" lowers the retry count by one and keeps the time of the last failure. Our entries never
    ///   combine these.
    static func runsNow(_ record: JobRecord, entry: ExternalPayload) -> Bool {
        switch record.state {
        case .scheduled: return true
        case .retry, .dead:
            guard let own = record.failure, let shown = entry.failure else { return false }
            // Other programs round the times.
            let isSameFailure =
                abs((own.retriedAt ?? own.failedAt).timeIntervalSince(shown.lastAt)) < 0.000_01
            return isSameFailure && shown.retryCount == own.failures - 2
        case .queued, .running, .held, .done, .cancelled: return false
        }
    }
}
