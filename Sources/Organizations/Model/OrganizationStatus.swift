/// The status of a tenant, from registration to uninstallation.
package enum OrganizationStatus: String, Sendable, CaseIterable, Hashable {
    /// The package has registered the org; no admin has consented.
    case registered
    /// An admin of the org consented; tokens are stored.
    case authorized
    /// The schema is being created.
    case provisioning
    /// Objects are being imported, for the first time or again.
    case importing
    case live
    /// An operator paused the sync; changes are still captured.
    case paused
    /// The grant was revoked; data stays, and an admin must consent again.
    case unauthorized
    /// An operator or the retention period has ended the tenant.
    case uninstalled
    /// A step failed for good; `status_detail` names it.
    case failed

    /// Whether the status may change to `next`. Setting the same status again is always allowed.
    ///
    /// A consent brings a tenant without a working grant to `authorized`; provisioning continues from there,
    /// because its steps are re-entrant. A consent does not change the status of a working tenant.
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

    /// The statuses that may change to this one, itself included.
    package var predecessors: [OrganizationStatus] {
        Self.allCases.filter { $0.mayBecome(self) }
    }

    /// Whether a consent is in force. A registration then leaves the tenant unchanged (409).
    package var hasConsented: Bool {
        switch self {
        case .authorized, .provisioning, .importing, .live, .paused, .failed: true
        case .registered, .unauthorized, .uninstalled: false
        }
    }

    /// The status after a registration; nil if the registration is refused.
    package var afterRegistration: OrganizationStatus? {
        if hasConsented { return nil }
        return self == .uninstalled ? .registered : self
    }

    /// The status after a consent; nil if the org must be registered first.
    package var afterConsent: OrganizationStatus? {
        switch self {
        case .registered, .unauthorized, .failed: .authorized
        case .authorized, .provisioning, .importing, .live, .paused: self
        case .uninstalled: nil
        }
    }
}
