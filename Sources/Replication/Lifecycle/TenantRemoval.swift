internal import Activity
internal import FoundationEssentials
package import Organizations
package import Postgres

/// Ends a tenant for an operator, and removes its data. Each step can be repeated.
package struct TenantRemoval: Sendable {
    private let control: PostgresPool

    package init(control: PostgresPool) {
        self.control = control
    }

    /// Ends the tenant: no worker reads or writes for it from now on, and a consent is refused until the
    /// package is installed again. Returns false if it had ended.
    package func end(_ organization: Organization, by actor: String) async throws -> Bool {
        try await control.transaction { connection in
            let store = OrganizationStore(on: connection)
            guard let found = try await store.lock(id: organization.id), found.status != .uninstalled else {
                return false
            }
            try await store.setStatus(organization.id, to: .uninstalled, detail: "removed by \(actor)")
            try await ConnectionStore(on: connection).setState(of: organization.id, to: .needAuthentication)
            try await NotificationStore(on: connection).resolveAll(of: organization.id, by: actor)
            try await ActivityStore(on: connection).add(
                "organizations.remove", by: actor, organization: organization.id)
            return true
        }
    }

    /// Ends the work of workers that have not seen yet that the tenant has ended: their next transaction in
    /// the cell fails. Refuses the users' changes that are not sent, so that a later installation does not
    /// replace newer values of the org with them. Returns their number.
    @discardableResult
    package func fence(_ organization: Organization, on cell: PostgresConnection) async throws -> Int {
        try await cell.transaction {
            try await TenantFenceStore(organization: organization.id).close(on: $0)
            return try await TenantRemovalStore(organization: organization.id).refuseUnsent(
                schema: organization.schemaName, on: $0)
        }
    }

    /// Jobs of the tenant that still run.
    package func runningJobs(of organization: Organization) async throws -> Int {
        try await control.withConnection {
            try await TenantRemovalStore(organization: organization.id).runningJobs(on: $0)
        }
    }

    /// Drops the schema with its rows, and removes the tenant's records from the cell, in one transaction.
    package func dropData(of organization: Organization, on cell: PostgresConnection) async throws {
        let mappings = try await control.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        try await cell.transaction { connection in
            try await TenantRemovalStore(organization: organization.id).dropData(
                schema: organization.schemaName, mappings: mappings.map(\.id), on: connection)
        }
    }

    /// Removes the tenant from the control database, with its mappings, activity, notifications and mails.
    /// One record without personal data stays.
    package func forget(_ organization: Organization, by actor: String) async throws {
        try await control.transaction { connection in
            try await OrganizationStore(on: connection).delete(organization.id)
            try await ActivityStore(on: connection).add(
                "organizations.delete_data", by: actor, organization: nil,
                detail: "\(organization.organizationID) \(organization.schemaName)")
        }
    }
}
