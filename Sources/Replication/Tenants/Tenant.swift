package import FoundationEssentials
package import Organizations
internal import Salesforce

/// The part of an organization that replication needs: the place of its rows, and whether jobs may work for
/// it.
package struct Tenant: Sendable, Equatable {
    /// Whether jobs may work for the tenant.
    package enum Work: Sendable {
        case allowed
        /// Not now: an operator paused it.
        case postponed
        /// Not until the next consent, which enqueues new jobs.
        case over
    }

    /// The organization's id.
    package var id: UUID
    /// The org, 18 characters.
    package var orgID: String
    package var work: Work
    /// True if the tenant's status is failed.
    package var isFailed: Bool
    package var schema: String
    /// The name of the database with the schema.
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
    /// The error of a job whose tenant has no consent, because the job must not end as done.
    var refusal: ReplicationError {
        ReplicationError(
            .givenUp,
            "the tenant has no valid consent: an admin of \(orgID) must consent, which starts the job again")
    }

    package init(_ organization: Organization) {
        let work: Work =
            switch organization.status {
            // A job of a failed tenant was retried by an operator, or runs beside the failed one.
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
