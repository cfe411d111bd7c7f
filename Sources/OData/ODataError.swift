/// A request that the service refuses.
struct ODataError: Error, Equatable, CustomStringConvertible {
    enum Code: String, Sendable {
        /// A text that is not of the grammar.
        case syntax
        /// A property that the entity set does not have.
        case unknownProperty
        /// Values that cannot be compared, or a value that is not of its property's type.
        case typeMismatch
        /// A part of OData that this service does not have.
        case unsupported
        /// Above a limit.
        case tooLarge
        case notFound
        case forbidden
        /// The condition of a header field does not hold.
        case preconditionFailed
        /// Another request of the batch, which this one needs, failed.
        case failedDependency
    }

    let code: Code
    let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// - Parameter position: of the first character, counted from 1.
    init(_ code: Code, _ description: String, at position: Int) {
        self.init(code, "\(description) at position \(position)")
    }
}

/// The versions of the protocol.
enum ODataVersion: String, Sendable {
    case v2
    case v4
}
