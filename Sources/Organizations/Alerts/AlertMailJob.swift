internal import Activity
internal import HTTPClient
internal import Jobs
internal import Logging
internal import Postgres

/// The handler of `SendAlertMail`: sends the mail that was stored with the job to one operator, or to a
/// tenant's admin.
struct AlertMailJob: Sendable {
    let pool: PostgresPool
    let http: HTTPClient
    let settings: MailSettings

    func run(_ context: JobContext) async throws -> JobOutcome {
        let found = try await pool.withConnection {
            try await AlertMailStore(on: $0).find(job: context.id.text)
        }
        guard let mail = found, !mail.isSent, let recipient = EmailAddress(mail.recipient) else {
            return .done
        }
        guard let server = settings.server, let sender = settings.sender else {
            context.logger.notice(
                "mail not sent: SMTP_URL is not set",
                metadata: ["to": "\(recipient)", "subject": "\(mail.content.subject)"])
            return .done
        }
        let outgoing = OutgoingMail(
            from: sender, to: settings.address(for: recipient),
            // Only tenants' admins write to the support.
            replyTo: mail.organization == nil ? nil : settings.support, content: mail.content,
            job: context.id.text)
        do {
            try await outgoing.send(through: http, server: server)
        } catch {
            try await note(error, about: mail, failures: context.failures)
            throw error
        }
        try await pool.transaction { connection in
            try await MailStore(on: connection).markSent(mail.id, to: outgoing.to)
            try await NotificationStore(on: connection).resolve(
                [NotificationEvent.mailFailing], organization: nil)
        }
        return .done
    }

    /// A refusal of this address is a notification of its own kind. No sent mail closes it, because the next
    /// mail to this address would open it again.
    private func note(_ error: any Error, about mail: AlertMailStore.Stored, failures: Int) async throws {
        do {
            try await MailTrouble(pool: pool).note(error, id: mail.id, failures: failures)
        } catch let refusal as OrganizationsError where refusal.code == .mailRefused {
            // The mail's own row says that an admin's address was refused.
            guard mail.organization == nil else { throw refusal }
            try await pool.withConnection { connection in
                try await NotificationStore(on: connection).addOnce(
                    NotificationEvent.operatorMailFailed, organization: nil,
                    message: "A mail to \(mail.recipient) was refused. Check OPERATOR_EMAIL.",
                    atMost: OrganizationsLimits.operatorAddresses)
            }
            throw refusal
        }
    }
}
