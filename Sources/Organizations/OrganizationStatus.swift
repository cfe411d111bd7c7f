/// Where a tenant stands between registration and uninstallation.
package enum OrganizationStatus: String, Sendable, CaseIterable, Hashable {
    /// Known from the package's call; nobody has consented.
    case registered
    /// An admin of the org consented; tokens are stored.
    case authorized
    /// The schema is being made.
    case provisioning
    /// Rows are being loaded for the first time, or again.
    case importing
    case live
    /// An operator stopped the sync; changes are still captured.
    case paused
    /// Salesforce took the grant back; data stays, an admin must consent again.
    case unauthorized
    /// An operator or the retention period ended the tenancy.
    case uninstalled
    /// A step failed in a way that no retry mends; `status_detail` says which.
    case failed

    /// Which changes of status are legal. Setting the status it has already is always allowed.
    ///
    /// A new consent brings a tenant without a working grant to `authorized`, and provisioning, whose steps
    /// are re-entrant, takes it from there; it leaves a working tenant where it is.
    package func mayBecome(_ next: OrganizationStatus) -> Bool {
        next == self || Self.successors[self, default: []].contains(next)
    }

    private static let successors: [OrganizationStatus: Set<OrganizationStatus>] = [
        .registered: [.authorized, .uninstalled],
        .authorized: [.provisioning, .unauthorized, .failed, .uninstalled],
        .provisioning: [.importing, .live, .unauthorized, .failed, .uninstalled],
        .importing: [.live, .paused, .provisioning, .unauthorized, .failed, .uninstalled],
        .live: [.importing, .provisioning, .paused, .unauthorized, .failed, .uninstalled],
        .paused: [.live, .importing, .provisioning, .unauthorized, .failed, .uninstalled],
        .unauthorized: [.authorized, .uninstalled],
        .failed: [.authorized, .provisioning, .importing, .live, .paused, .unauthorized, .uninstalled],
        .uninstalled: [.registered],
    ]

    /// The statuses that may become this one, itself included: the condition of an update.
    package var predecessors: [OrganizationStatus] {
        Self.allCases.filter { $0.mayBecome(self) }
    }

    /// Whether an admin's consent is in force, so that a registration changes nothing (409).
    package var hasConsented: Bool {
        switch self {
        case .authorized, .provisioning, .importing, .live, .paused, .failed: true
        case .registered, .unauthorized, .uninstalled: false
        }
    }

    /// The status after a registration that is accepted; nil if it is refused.
    package var afterRegistration: OrganizationStatus? {
        if hasConsented { return nil }
        return self == .uninstalled ? .registered : self
    }

    /// The status after a consent; nil if there must be a registration first.
    package var afterConsent: OrganizationStatus? {
        switch self {
        case .registered, .unauthorized, .failed: .authorized
        case .authorized, .provisioning, .importing, .live, .paused: self
        case .uninstalled: nil
        }
    }
}
