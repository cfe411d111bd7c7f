/// An error of the feed.
package struct FeedsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of error, for callers.
    package enum Code: Sendable, Equatable {
        /// The name is in use.
        case exists
        case unknownWebhook
        /// The webhook's URL, name or groups.
        case invalid
        /// A stored value cannot be read.
        case malformedRow
        /// Another worker delivers to the webhook now.
        case claimLost
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
