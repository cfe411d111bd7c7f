package import Organizations

/// Selects tenants. All conditions must hold.
package struct TenantFilter: Sendable, Equatable {
    /// A part of the name, the org id, the schema or the address of the admin, in any case. Empty: any.
    package var search = ""
    /// Empty: any.
    package var statuses: Set<OrganizationStatus> = []
    /// Only tenants that need attention.
    package var needsAttention = false

    package init() {}
}
