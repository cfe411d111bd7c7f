internal import FoundationEssentials
package import Postgres

/// Leases of tenants and their holders, in the cell that has the tenants.
package struct LeaseStore: Sendable {
    package let limits: LeaseLimits

    package init(limits: LeaseLimits = LeaseLimits()) {
        self.limits = limits
    }

    /// Locks the lease until the caller's transaction ends: nobody else can acquire the tenant before that.
    /// Throws `.leaseLost` if another worker has it, or if it was released.
    package func hold(_ lease: TenantLease, on connection: PostgresConnection) async throws {
        let held = try await connection.query(
            """
            select from multiconnect_sync.leases
            where organization_id = \(lease.organizationID) and epoch = \(lease.epoch) for share
            """)
        guard !held.isEmpty else {
            throw ReplicationError(.leaseLost, "another worker holds tenant \(lease.organizationID)")
        }
    }
}
