package import FoundationEssentials
package import Organizations

/// A step of a tenant's way from its registration to its synchronization.
package struct TenantStep: Sendable, Equatable {
    /// How far it is.
    package enum State: String, Sendable {
        case done
        case current
        case failed
        case open
    }

    package let title: String
    package let state: State
    /// When it was done; nil if that is not known.
    package let time: Date?
    package let detail: String?
}

extension TenantStep {
    package static func steps(
        of organization: Organization, _ tally: MappingTally, _ milestones: TenantDetail.Milestones
    ) -> [TenantStep] {
        let status = organization.status
        return [
            TenantStep(title: "Registered", state: .done, time: organization.createdAt, detail: nil),
            mailed(status, milestones.mail, hasConsented: organization.authorizedAt != nil),
            consented(organization),
            provisioned(status, organization.statusDetail, milestones),
            imported(status, tally, milestones),
            live(organization, milestones),
        ]
    }

    private static func mailed(
        _ status: OrganizationStatus, _ mail: TenantDetail.Mail?, hasConsented: Bool
    ) -> TenantStep {
        let title = "Admin mailed"
        guard let mail else {
            let state: State = hasConsented ? .done : status == .registered ? .current : .open
            return TenantStep(title: title, state: state, time: nil, detail: "no mail yet")
        }
        if let error = mail.error, mail.sentAt == nil {
            return TenantStep(
                title: title, state: hasConsented ? .done : .failed, time: mail.createdAt, detail: error)
        }
        let isUnsent = mail.sentAt == nil
        return TenantStep(
            title: title, state: isUnsent && !hasConsented ? .current : .done,
            time: mail.sentAt ?? mail.createdAt,
            detail: isUnsent ? "written, not sent: is SMTP_URL set?" : "to \(mail.recipient)")
    }

    private static func consented(_ organization: Organization) -> TenantStep {
        let title = "Consent"
        switch organization.status {
        case .registered:
            return TenantStep(title: title, state: .current, time: nil, detail: "waits for the admin")
        case .unauthorized:
            return TenantStep(
                title: title, state: .failed, time: organization.authorizedAt,
                detail: "Salesforce no longer accepts it: an admin must consent again")
        default:
            return TenantStep(title: title, state: .done, time: organization.authorizedAt, detail: nil)
        }
    }

    private static func provisioned(
        _ status: OrganizationStatus, _ detail: String?, _ milestones: TenantDetail.Milestones
    ) -> TenantStep {
        let isDone = milestones.importStartedAt != nil || [.importing, .live, .paused].contains(status)
        let state: State =
            switch status {
            case _ where isDone: .done
            case .failed: .failed
            case .authorized, .provisioning: .current
            default: .open
            }
        return TenantStep(
            title: "Schema and tables", state: state, time: milestones.importStartedAt,
            detail: isDone ? nil : detail)
    }

    private static func imported(
        _ status: OrganizationStatus, _ tally: MappingTally, _ milestones: TenantDetail.Milestones
    ) -> TenantStep {
        let hasBegun = milestones.importStartedAt != nil || [.importing, .live].contains(status)
        let isDone = hasBegun && tally.loading == 0 && tally.synced > 0
        let state: State =
            isDone ? .done : !hasBegun ? .open : tally.failed > 0 && tally.loading == 0 ? .failed : .current
        return TenantStep(
            title: "First import", state: state, time: isDone ? milestones.importFinishedAt : nil,
            detail: tally.total == 0 ? nil : tally.text)
    }

    private static func live(
        _ organization: Organization, _ milestones: TenantDetail.Milestones
    ) -> TenantStep {
        let state: State =
            switch organization.status {
            case .live where organization.connectionTrouble == nil: .done
            case .live, .failed: .failed
            case .paused: .current
            default: .open
            }
        let detail =
            organization.status == .paused
            ? "paused" : organization.connectionTrouble?.label
        return TenantStep(title: "Live", state: state, time: milestones.announcedAt, detail: detail)
    }
}
