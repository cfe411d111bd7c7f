package import Organizations
package import Replication

/// An action of an operator on a whole tenant.
package enum TenantAction: String, Sendable, CaseIterable {
    case pause
    case resume
    /// Starts failed steps again.
    case retry
    /// Mails the admin the link again.
    case mail

    package static func allowed(_ status: OrganizationStatus, _ tally: MappingTally) -> Set<TenantAction> {
        switch status {
        case .registered, .unauthorized: [.mail]
        case .authorized, .provisioning: [.retry]
        case .importing: [.pause, .retry]
        case .failed: [.pause, .retry]
        case .live: tally.failed > 0 ? [.pause, .retry] : [.pause]
        case .paused: [.resume]
        case .uninstalled: []
        }
    }

    /// The statuses that allow this action.
    package var statuses: Set<OrganizationStatus> {
        var tally = MappingTally()
        tally.failed = 1
        return Set(OrganizationStatus.allCases.filter { Self.allowed($0, tally).contains(self) })
    }

    /// Whether the rows of a mapping can be read again now.
    package static func allowsReload(_ mapping: MappingSummary, _ status: OrganizationStatus) -> Bool {
        mapping.isImported && mapping.pausedAt == nil && [.live, .importing].contains(status)
    }
}
