package import FoundationEssentials
package import Salesforce

/// A tenant: an org, its status, and the place of its rows.
package struct Organization: Sendable, Equatable {
    package let id: UUID
    package let organizationID: OrganizationID
    /// Text from the sender of the registration: encode it where it is shown.
    package let name: OrganizationName
    package let adminEmail: EmailAddress
    package let environment: OrgEnvironment
    /// Whether a signed registration named the environment.
    package let isEnvironmentSigned: Bool
    package let status: OrganizationStatus
    /// The reason of the status, for operators.
    package let statusDetail: String?
    package let schemaName: String
    /// The cell (a named database) that holds the tenant's rows.
    package let cell: String
    /// When an admin last consented.
    package let authorizedAt: Date?
    package let createdAt: Date
    package let updatedAt: Date
    package let connectionID: UUID
    package let connectionState: ConnectionState
    /// The cause of the states `SYSTEM_ERROR` and `DB_UNAVAILABLE`.
    package let connectionTrouble: ConnectionTrouble?

    /// Whether the environment is the org's own, and not a stranger's word: it came with a signed
    /// registration, or an admin has logged in there.
    package var isEnvironmentConfirmed: Bool { isEnvironmentSigned || authorizedAt != nil }
}
