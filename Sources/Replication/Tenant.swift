package import FoundationEssentials
package import Organizations
internal import Salesforce

/// What replication needs to know of an organization: where its rows are and what they are called.
package struct Tenant: Sendable, Equatable {
    /// Whether jobs may work for a tenant.
    package enum Work: Sendable {
        case allowed
        /// Not now: an operator has paused it.
        case postponed
        /// Not before the next consent, which enqueues jobs of its own.
        case over
    }

    /// The organization's row.
    package var id: UUID
    /// The org, 18 characters.
    package var orgID: String
    package var work: Work
    /// Whether a step of the tenant was given up.
    package var isFailed: Bool
    package var schema: String
    /// The named database that holds the schema.
    package var cell: String
    package var connectionID: UUID

    package init(
        id: UUID, orgID: String, work: Work = .allowed, isFailed: Bool = false, schema: String, cell: String,
        connectionID: UUID
    ) {
        self.id = id
        self.orgID = orgID
        self.work = work
        self.isFailed = isFailed
        self.schema = schema
        self.cell = cell
        self.connectionID = connectionID
    }
}

extension Tenant {
    /// Why a job of a tenant without consent ends: it must not look as if it had done its work.
    var refusal: ReplicationError {
        ReplicationError(
            .givenUp,
            "the tenant has no consent in force: an admin of \(orgID) must consent, which begins it anew")
    }

    package init(_ organization: Organization) {
        let work: Work =
            switch organization.status {
            // A job of a failed tenant is one that an operator has retried, or that goes on beside the failed one.
            case .authorized, .provisioning, .importing, .live, .failed: .allowed
            case .paused: .postponed
            case .registered, .unauthorized, .uninstalled: .over
            }
        self.init(
            id: organization.id, orgID: organization.organizationID.text, work: work,
            isFailed: organization.status == .failed, schema: organization.schemaName,
            cell: organization.cell, connectionID: organization.connectionID)
    }
}
