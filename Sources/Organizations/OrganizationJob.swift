internal import Cryptography
package import FoundationEssentials
package import Jobs

/// The jobs that tenants' lives consist of, as they are enqueued.
package enum OrganizationJob {
    /// Mails the admin. Arguments: organization, purpose, address.
    package static let sendConsentMail = "SendConsentMail"
    /// Makes or mends the tenant's schema and begins the imports. Arguments: organization.
    package static let provisionOrganization = "ProvisionOrganization"
    /// Tells the org of its connection. Arguments: organization.
    package static let announceConnection = "AnnounceConnection"
}

extension OrganizationJob {
    /// The address of a mail is a person's: operators find it with the mails, not in every list of jobs.
    package static func hide(in mask: inout ArgumentMask) {
        mask.hide([2], of: sendConsentMail)
    }
}

extension OrganizationJob {
    /// The key holds the address: a new address gets its own mail, even while the job for the old one runs.
    static func mail(_ purpose: MailContent.Purpose, organization: UUID, to address: EmailAddress, at: Date?)
        -> NewJob
    {
        let recipient = Hex.encode(Digest.sha256(address.text).prefix(8))
        return NewJob(
            sendConsentMail, arguments: [organization.uuidString, purpose.rawValue, address.text],
            organizationID: organization,
            runAt: at, uniqueKey: "mail:\(purpose.rawValue):\(organization.uuidString):\(recipient)")
    }

    /// Provisions a tenant, or goes on with it.
    package static func provision(_ organization: UUID) -> NewJob {
        NewJob(
            provisionOrganization, arguments: [organization.uuidString], organizationID: organization,
            uniqueKey: "provision:\(organization.uuidString)")
    }
}

extension OrganizationJob {
    /// Announces a connection, to be enqueued when the tenant's first imports are done.
    package static func announce(_ organization: UUID) -> NewJob {
        NewJob(
            announceConnection, arguments: [organization.uuidString], organizationID: organization,
            uniqueKey: "announce:\(organization.uuidString)")
    }
}
