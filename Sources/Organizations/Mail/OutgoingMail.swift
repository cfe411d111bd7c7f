internal import FoundationEssentials
internal import HTTPClient

/// A mail to send.
struct OutgoingMail {
    let from: MailSender
    let to: EmailAddress
    /// Receives answers; nil: the sender does.
    var replyTo: EmailAddress?
    let content: MailContent
    /// The job's id. It becomes the Message-ID, so that a second attempt sends the same one.
    let job: String

    /// Sends the mail through the server of `SMTP_URL`. The HTTP client encodes the headers.
    func send(through http: HTTPClient, server: MailServer) async throws {
        let message = MailMessage(
            from: try MailAddress(from.address.text, name: from.name), to: [try MailAddress(to.text)],
            replyTo: try replyTo.map { try MailAddress($0.text) }, subject: content.subject,
            text: content.text, html: content.html, date: Date(), id: job)
        try await http.sendMail(message, server: server, deadline: .now + OrganizationsLimits.mailDeadline)
    }
}
