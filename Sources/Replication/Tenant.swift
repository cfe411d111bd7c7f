package import FoundationEssentials

/// What replication needs to know of an organization: where its rows are and what they are called.
package struct Tenant: Sendable, Equatable {
    /// The organization's row.
    package var id: UUID
    /// The org, 18 characters.
    package var orgID: String
    package var status: String
    package var schema: String
    /// The named database that holds the schema.
    package var cell: String
    package var connectionID: UUID

    package init(
        id: UUID, orgID: String, status: String, schema: String, cell: String, connectionID: UUID
    ) {
        self.id = id
        self.orgID = orgID
        self.status = status
        self.schema = schema
        self.cell = cell
        self.connectionID = connectionID
    }

    /// Whether jobs may work for it: not before consent, and not when it is paused or gone.
    package var isActive: Bool { ["authorized", "provisioning", "importing", "live"].contains(status) }
}
