/// An error of the queue. Errors of handlers are of any type.
package struct JobsError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of error.
    package enum Code: String, Sendable {
        /// Arguments cannot be encoded, or are not what the handler expects.
        case arguments
        /// The claim is lost: its lease expired, or another worker has the job. Nothing was changed.
        case claimLost
        /// No handler is registered for the class.
        case unknownClass
        /// The job ran longer than its class allows.
        case timedOut
        /// The job was cancelled by an operator, or interrupted because the worker stops.
        case cancelled
        /// Too many times in a row, the worker that ran the job was lost.
        case crashed
        /// The jobs' states do not allow the action.
        case refused
        /// A schedule is not valid.
        case schedule
        /// No periodic job has that name.
        case notFound
        /// A row or a reply of Redis does not have the expected form.
        case malformed
    }

    /// The kind of error.
    package let code: Code
    /// What happened, without data of the job: safe to log and to show.
    package let description: String
    /// The cause, which may quote data.
    package let detail: String

    package init(_ code: Code, _ description: String, detail: String = "") {
        self.code = code
        self.description = description
        self.detail = detail
    }

    package static let claimLost = JobsError(.claimLost, "the worker lost its claim of the job")
    package static let ranTooLong = JobsError(.timedOut, "the job ran longer than its class allows")
    package static let cancelledByOperator = JobsError(.cancelled, "an operator cancelled the job")

    package var debugDescription: String {
        detail.isEmpty ? "\(code.rawValue): \(description)" : "\(code.rawValue): \(description) (\(detail))"
    }
}
