/// An error of this target.
package struct OrganizationsError: Error, Sendable, Equatable {
    /// The kind of error, for callers.
    package enum Code: String, Sendable {
        /// No organization has this id.
        case unknownOrganization
        /// There is no working grant: an admin must consent first.
        case unauthorized
        /// The status may not change like this.
        case illegalTransition
        /// `SECRET` is not the key that sealed the credentials.
        case wrongSecret
        /// A stored secret cannot be opened.
        case unreadableCredential
        /// Another process is refreshing the token and takes too long.
        case refreshTimedOut
        /// Salesforce refuses to refresh the token for now; the grant may be good.
        case refreshRefused
        /// The mail server refuses a mail for good.
        case mailRefused
        /// The webhook for notifications does not work at present.
        case webhookFailed
        /// The webhook for notifications refuses an event for good.
        case webhookRefused
        /// The job's arguments do not fit its class.
        case malformedArguments
        /// A stored value is unknown to this version.
        case malformedRow
    }

    package let code: Code
    /// For operators. Contains no secret and no text of a tenant.
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
