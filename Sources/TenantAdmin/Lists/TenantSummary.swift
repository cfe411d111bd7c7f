package import FoundationEssentials
package import Organizations

/// A tenant in a list: its status, its mappings, and what operators have to do about it.
package struct TenantSummary: Sendable {
    package let organization: Organization
    /// Since when the tenant has its status.
    package let statusSince: Date
    package let attention: TenantAttention
    package let mappings: MappingTally
    /// The last error of a mapping.
    package let lastError: LastError?
    /// Open notifications.
    package let notifications: Int
    /// The position for the page that follows this tenant.
    package let position: TenantPosition

    /// The last error of a tenant's mappings.
    package struct LastError: Sendable, Equatable {
        package let objectName: String
        package let text: String
    }

    /// Why the tenant is not in order: the trouble of its connection, the reason of its status, or the last
    /// error of a mapping.
    package var reason: String? {
        if let trouble = organization.connectionTrouble {
            return "\(organization.connectionState.rawValue): \(trouble.label)"
        }
        if let detail = organization.statusDetail { return detail }
        return lastError.map { $0.text.hasPrefix($0.objectName) ? $0.text : "\($0.objectName): \($0.text)" }
    }
}

/// The mappings of a tenant by state, and their rows. Each mapping counts once.
package struct MappingTally: Sendable, Equatable {
    package var total = 0
    /// Imported, neither paused nor in error.
    package var synced = 0
    /// Their first import waits or runs.
    package var loading = 0
    package var failed = 0
    /// The org has no such object, or it cannot be queried.
    package var invalid = 0
    package var paused = 0
    /// Polls or imports that wait for the allowance of API calls.
    package var waiting = 0
    /// Rows in the tenant's tables, as last counted.
    package var rows = 0
    /// Rows in the org, as last counted.
    package var orgRows = 0
    /// The oldest count of a mapping. Nil if none is counted.
    package var countedAt: Date?
    package var quarantined = 0

    /// The groups that have mappings, for example `3 synced, 1 in error`.
    package var text: String {
        let groups = [
            (failed, "in error"), (loading, "loading"), (paused, "paused"), (invalid, "not syncable"),
            (synced, "synced"),
        ]
        let shown = groups.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return shown.isEmpty ? "none" : shown.joined(separator: ", ")
    }
}

/// A part of a list of tenants.
package struct TenantPage: Sendable {
    package let tenants: [TenantSummary]
    /// Where the next page begins; nil on the last page.
    package let next: TenantPosition?
}
