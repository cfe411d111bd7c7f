/// What went wrong inside the queue itself; a job's own errors are whatever its handler throws.
package struct JobsError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kinds of failure.
    package enum Code: String, Sendable {
        /// Arguments that cannot be encoded, or are not what the handler expects.
        case arguments
        /// The job is no longer this worker's: its lease ran out, or it was taken over. Nothing was changed.
        case claimLost
        /// No handler is registered for the class.
        case unknownClass
        /// The job ran longer than its class allows.
        case timedOut
        /// The job was asked to end: an operator cancelled it, or the worker is stopping.
        case cancelled
        /// Its workers fell silent while it ran, too many times in a row.
        case crashed
        /// An operator asked for what the jobs' states do not allow.
        case refused
        /// A schedule that cannot be read; the description says what is wrong with it.
        case schedule
        /// There is no periodic job of that name.
        case notFound
        /// A row or an answer of Redis does not have the expected shape.
        case malformed
    }

    /// The kind of failure.
    package let code: Code
    /// What happened, without any of the job's data: safe to log and to show.
    package let description: String
    /// The underlying cause, which may quote data.
    package let detail: String

    init(_ code: Code, _ description: String, detail: String = "") {
        self.code = code
        self.description = description
        self.detail = detail
    }

    static let cancelledByOperator = JobsError(.cancelled, "an operator cancelled the job")

    package var debugDescription: String {
        detail.isEmpty ? "\(code.rawValue): \(description)" : "\(code.rawValue): \(description) (\(detail))"
    }
}
