internal import Cryptography
internal import Encoding
package import FoundationEssentials
package import Jobs

/// The jobs that tenants' lives consist of, as they are enqueued.
package enum OrganizationJob {
    /// Mails the admin. Arguments: organization, purpose, address, and the source of the registration if any.
    package static let sendConsentMail = "SendConsentMail"
    /// Makes or mends the tenant's schema and begins the imports. Arguments: organization.
    package static let provisionOrganization = "ProvisionOrganization"
    /// Tells the org of its connection. Arguments: organization.
    package static let announceConnection = "AnnounceConnection"
}

extension OrganizationJob {
    /// Addresses of a mail and of its source are a person's: operators find it with the mails, not in every list of jobs.
    package static func hide(in mask: inout ArgumentMask) {
        mask.hide([2, 3], of: sendConsentMail)
    }
}

extension OrganizationJob {
    /// The key holds address and source: a new address gets its own mail, even while the job for the old one
    /// runs, and a mail that waits for a stranger's limit does not stand in for the org's own.
    static func mail(
        _ purpose: MailContent.Purpose, organization: UUID, to address: EmailAddress, at: Date?,
        source: String? = nil
    ) -> NewJob {
        let recipient = Hex.encode(Digest.sha256(address.text + (source.map { "\n\($0)" } ?? "")).prefix(8))
        return NewJob(
            sendConsentMail,
            arguments: [organization.uuidString, purpose.rawValue, address.text]
                + (source.map { [$0] } ?? []),
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
