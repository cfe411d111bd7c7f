package import FoundationEssentials

/// A login of an operator that has not ended.
package struct OperatorSession: Sendable, Equatable {
    /// The hash of the id in the cookie, as hex. It gives no access.
    package let reference: String
    package let name: String
    /// `operator` or `viewer`.
    package let role: String
    /// Where the login came from.
    package let address: String
    package let createdAt: Date
    package let expiresAt: Date
}
