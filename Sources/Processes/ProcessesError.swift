/// An error of an external process.
package struct ProcessesError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Decides whether another attempt follows.
    package enum Code: Sendable, Equatable {
        /// The input is wrong, or the app refuses it: another attempt has the same result.
        case refused
        /// The app does not answer now.
        case unavailable
        /// The record or the field is not synced in both directions.
        case notWritable
        /// A stored value cannot be read.
        case malformedRow
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// True if another attempt has the same result.
    package var isFinal: Bool { code == .refused }
}
