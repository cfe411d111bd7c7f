package import FoundationEssentials
package import Jobs

/// The classes of tenants' jobs, and the jobs to enqueue.
package enum OrganizationJob {
    /// Mails the admin. Arguments: organization, purpose, address, and the source of the registration if any.
    package static let sendConsentMail = "SendConsentMail"
    /// Creates or repairs the tenant's schema and enqueues the imports. Arguments: organization.
    package static let provisionOrganization = "ProvisionOrganization"
    /// Sends the org its connection id. Arguments: organization.
    package static let announceConnection = "AnnounceConnection"

    /// Hides addresses in lists of jobs: they are personal data, and operators find them with the mails.
    package static func hide(in mask: inout ArgumentMask) {
        mask.hide([2, 3], of: sendConsentMail)
    }

    /// A job that provisions a tenant, or continues to.
    package static func provision(_ organization: UUID) -> NewJob {
        NewJob(
            provisionOrganization, arguments: [organization.uuidString], organizationID: organization,
            uniqueKey: "provision:\(organization.uuidString)")
    }

    /// A job that announces a connection; enqueued when the tenant's first imports are done.
    package static func announce(_ organization: UUID) -> NewJob {
        NewJob(
            announceConnection, arguments: [organization.uuidString], organizationID: organization,
            uniqueKey: "announce:\(organization.uuidString)")
    }
}
