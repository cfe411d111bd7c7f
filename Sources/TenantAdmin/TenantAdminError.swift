/// An error of this target.
package struct TenantAdminError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of error, for callers.
    package enum Code: String, Sendable {
        /// This process does not know the tenant's cell.
        case unknownCell
        /// The cell does not answer in time.
        case silentCell
        /// The tenant's org does not answer in time, or refuses the call.
        case silentOrg
        /// The tenant's admin has not consented, or the consent has ended.
        case noConsent
        /// A mapping has changed since the form was opened.
        case outdatedMapping
        /// A query of rows takes too long.
        case slowQuery
        /// The mapping's table has local changes that Salesforce does not have.
        case unsentChanges
    }

    package let code: Code
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
