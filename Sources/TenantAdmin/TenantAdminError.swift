/// An error of this target.
package struct TenantAdminError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of error, for callers.
    package enum Code: String, Sendable {
        /// This process does not know the tenant's cell.
        case unknownCell
        /// The cell does not answer in time.
        case silentCell
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
