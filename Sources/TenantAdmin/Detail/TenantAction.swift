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

    /// Whether the rows of a mapping can be read again now.
    package static func allowsReload(_ mapping: MappingSummary, _ status: OrganizationStatus) -> Bool {
        mapping.isImported && mapping.pausedAt == nil && [.live, .importing].contains(status)
    }
}
