package import Activity
package import FoundationEssentials
package import Organizations
package import Replication
package import Salesforce

/// A tenant with what the control database knows about it.
package struct TenantDetail: Sendable {
    package let summary: TenantSummary
    package let mappings: [MappingSummary]
    package let grant: Grant?
    package let milestones: Milestones
    /// Open notifications, the newest first.
    package let notifications: [OperatorNotification]
    /// The org's use of its API calls, as last reported.
    package let usage: LimitInfo?
    /// Our own calls of the last day, most first.
    package let calls: [CallCount]
    /// The newest first.
    package let activity: [ActivityRecord]

    /// The tokens of the last consent.
    package struct Grant: Sendable, Equatable {
        /// The user who consented.
        package let username: String?
        package let instanceURL: String
        /// When Salesforce revoked it; nil while it is valid.
        package let revokedAt: Date?
        /// Since when Salesforce refuses to refresh the token.
        package let refusedSince: Date?
    }

    /// The times of a tenant's first steps.
    package struct Milestones: Sendable, Equatable {
        package var mail: Mail?
        package var importStartedAt: Date?
        package var importFinishedAt: Date?
        /// When the org learned its connection.
        package var announcedAt: Date?

        package init() {}
    }

    /// The last mail to the admin.
    package struct Mail: Sendable, Equatable {
        package var recipient: String
        package var createdAt: Date
        package var sentAt: Date?
        package var error: String?

        package init(recipient: String, createdAt: Date, sentAt: Date?, error: String?) {
            self.recipient = recipient
            self.createdAt = createdAt
            self.sentAt = sentAt
            self.error = error
        }
    }

    /// The tenant's way from its registration to its synchronization.
    package var timeline: [TenantStep] {
        TenantStep.steps(of: summary.organization, summary.mappings, milestones)
    }

    /// The actions that the tenant's status allows.
    package var actions: Set<TenantAction> {
        TenantAction.allowed(summary.organization.status, summary.mappings)
    }
}
