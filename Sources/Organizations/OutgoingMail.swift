internal import FoundationEssentials
internal import HTTPClient

/// A mail about to leave.
struct OutgoingMail {
    let from: MailSender
    let to: EmailAddress
    let content: MailContent
    /// The job that sends it: a second start sends the same Message-ID.
    let job: String

    /// Hands it to the server of `SMTP_URL`. Headers are encoded by the client.
    func send(through http: HTTPClient, server: MailServer) async throws {
        let message = MailMessage(
            from: try MailAddress(from.address.text, name: from.name), to: [try MailAddress(to.text)],
            subject: content.subject,
            text: content.text,
            html: content.html, date: Date(), id: job)
        try await http.sendMail(message, server: server, deadline: .now + OrganizationsLimits.mailDeadline)
    }
}
