package import FoundationEssentials

/// The right to write for a tenant: its row in `leases` has this epoch as long as the right is valid.
package struct TenantLease: Sendable, Hashable {
    package var organizationID: UUID
    /// The cell that has the tenant.
    package var cell: String
    package var epoch: Int

    package init(organizationID: UUID, cell: String, epoch: Int) {
        self.organizationID = organizationID
        self.cell = cell
        self.epoch = epoch
    }
}
