/// What went wrong with a tenant.
package struct OrganizationsError: Error, Sendable, Equatable {
    /// What a caller can act upon.
    package enum Code: String, Sendable {
        /// There is no such organization.
        case unknownOrganization
        /// There is no working grant: an admin must consent first.
        case unauthorized
        /// The status may not change in this way.
        case illegalTransition
        /// `SECRET` is not the one that credentials were sealed with.
        case wrongSecret
        /// A stored secret cannot be opened.
        case unreadableCredential
        /// Another process refreshes the token and takes too long.
        case refreshTimedOut
        /// Salesforce refuses to refresh the token for now; the grant may be good.
        case refreshRefused
        /// The mail server refuses a mail for good.
        case mailRefused
        /// The job's arguments are not what its class takes.
        case malformedArguments
        /// A stored value is not one that this version knows.
        case malformedRow
    }

    package let code: Code
    /// What an operator should know. Contains no secret and no text of a tenant.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

extension OrganizationsError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "organizations: \(message)" }
    package var debugDescription: String { "organizations (\(code.rawValue)): \(message)" }
}
