/// A state of an entry of `_trigger_log`, by Heroku Connect's names.
package enum LogState: String, Sendable, Hashable {
    /// Captured, not sent.
    case new = "NEW"
    /// Part of a request whose outcome is not recorded.
    case pending = "PENDING"
    case success = "SUCCESS"
    /// Sent as a part of a later entry of the same row.
    case merged = "MERGED"
    case failed = "FAILED"
    /// Captured, but there is nothing to send.
    case ignore = "IGNORE"
    /// The same after it was processed.
    case ignored = "IGNORED"
}
