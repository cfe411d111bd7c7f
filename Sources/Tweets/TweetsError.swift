/// An error of the search for posts.
package struct TweetsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Decides whether another attempt follows.
    package enum Code: Sendable, Equatable {
        /// The X API refuses the token or the query.
        case refused
        /// The app's requests of this time are used up, or the X API does not answer.
        case unavailable
        /// The tenant's mapping has no Tweet__c and Account as the example needs them.
        case notMapped
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
