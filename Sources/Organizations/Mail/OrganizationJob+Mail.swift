internal import Cryptography
internal import Encoding
internal import FoundationEssentials
internal import Jobs

extension OrganizationJob {
    /// A job that mails the admin.
    ///
    /// The unique key contains the address and the source. So a new address gets its own mail even while the
    /// job for the old one runs, and a stranger's delayed mail does not replace the org's own.
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
}
