package import FoundationEssentials

/// The last failure of a job.
package struct JobFailure: Sendable, Hashable {
    /// Failures in a row, at least 1.
    package var failures: Int
    /// The name of the error's type.
    package var errorClass: String
    /// The error's text.
    package var message: String
    /// When it first failed.
    package var failedAt: Date
    /// When it last failed; nil after the first failure.
    package var retriedAt: Date?
}
