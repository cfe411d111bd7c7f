internal import HTTPClient

/// A mail about to leave.
struct OutgoingMail {
    let from: EmailAddress
    let to: EmailAddress
    let content: MailContent

    /// Hands it to the server of `SMTP_URL`.
    func send(through http: HTTPClient, server: String) async throws {
        throw OrganizationsError(.undeliverable, "mail over SMTP is not built in")
    }
}
