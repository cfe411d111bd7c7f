package import FoundationEssentials
package import Salesforce

/// A tenant: an org, its status, and where its rows live.
package struct Organization: Sendable, Equatable {
    package let id: UUID
    package let organizationID: OrganizationID
    /// Written by whoever registered it: encode it wherever it is shown.
    package let name: OrganizationName
    package let adminEmail: EmailAddress
    package let environment: OrgEnvironment
    package let status: OrganizationStatus
    /// Why the status is what it is, for operators.
    package let statusDetail: String?
    package let schemaName: String
    /// The named database of its rows.
    package let cell: String
    /// When an admin last consented.
    package let authorizedAt: Date?
    package let createdAt: Date
    package let updatedAt: Date
    package let connectionID: UUID
    package let connectionState: ConnectionState
}
