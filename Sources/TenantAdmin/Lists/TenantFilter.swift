package import Organizations

/// Selects tenants. All conditions must hold.
package struct TenantFilter: Sendable, Equatable {
    /// A part of the name, the org id, the schema or the address of the admin, in any case. Empty: any.
    package var search = ""
    /// Empty: any.
    package var statuses: Set<OrganizationStatus> = []
    /// Only tenants that need attention.
    package var needsAttention = false

    /// Only tenants that this action can change.
    package var action: TenantAction?

    package init() {}

    /// The tenants that need attention.
    package static var attention: TenantFilter {
        var filter = TenantFilter()
        filter.needsAttention = true
        return filter
    }

    /// The filter in words, for pages and activity rows.
    package var text: String {
        let names = OrganizationStatus.allCases.filter(statuses.contains).map(\.rawValue)
        let parts = [
            search.isEmpty ? nil : "with \(search.debugDescription)",
            names.isEmpty ? nil : "status \(names.joined(separator: ", "))",
            needsAttention ? "needs attention" : nil,
        ].compactMap(\.self)
        return parts.isEmpty ? "all tenants" : parts.joined(separator: "; ")
    }
}
