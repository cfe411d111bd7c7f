internal import Activity
internal import FoundationEssentials
internal import HTTPClient
internal import Jobs
internal import Logging
internal import Postgres

/// The handler of `SendConsentMail`: stores the mail, sends it if there is a server, and marks it as sent.
///
/// A crash between sending and marking sends the mail twice, which is better than not at all.
struct MailJob: Sendable {
    let pool: PostgresPool
    let http: HTTPClient
    let app: AppIdentity
    let settings: MailSettings

    func run(_ context: JobContext) async throws -> JobOutcome {
        let organizationID = try context.organizationArgument()
        guard let purpose = MailContent.Purpose(rawValue: try context.argument(1, as: String.self)) else {
            throw OrganizationsError(.malformedArguments, "the second argument is not the purpose of a mail")
        }
        let found = try await pool.withConnection {
            try await OrganizationStore(on: $0).find(id: organizationID)
        }
        let argument = try context.argument(2, as: String.self)
        guard let organization = found, let address = EmailAddress(argument),
            Self.isWanted(purpose, by: organization)
        else { return .done }
        let content = MailContent(
            purpose: purpose, brand: app.brand, organization: organization.name,
            link: ConsentLink.url(
                appURL: app.url, organization: organization.organizationID,
                environment: organization.environment))
        let request = MailStore.Request(
            job: context.id.text, organization: organization.id, purpose: purpose, recipient: address,
            source: try? context.argument(3, as: String.self))
        let admission = try await pool.transaction { [limits = settings.limits] connection in
            try await MailStore(on: connection).admit(content, request, limits: limits)
        }
        switch admission {
        case .written(let written) where written.isSent: return .done
        case .written(let written):
            try await send(content, to: address, id: written.id, organization, context)
        case .unneeded: return .done
        // Spread the jobs that wait for the same limit.
        case .wait(let pause):
            return .again(after: pause + OrganizationsLimits.mailSpread * .random(in: 0..<1))
        }
        return .done
    }

    /// Whether the mail is still true when its job runs.
    static func isWanted(_ purpose: MailContent.Purpose, by organization: Organization) -> Bool {
        switch purpose {
        case .consent: organization.status.afterRegistration != nil
        case .unauthorized, .lostToken: organization.status == .unauthorized
        }
    }

    private func send(
        _ content: MailContent, to address: EmailAddress, id: Int64, _ organization: Organization,
        _ context: JobContext
    ) async throws {
        guard let server = settings.server, let sender = settings.sender else {
            context.logger.notice(
                "mail not sent: SMTP_URL is not set",
                metadata: ["to": "\(address)", "subject": "\(content.subject)", "text": "\(content.text)"])
            return
        }
        let mail = OutgoingMail(
            from: sender, to: settings.address(for: address), replyTo: settings.support, content: content,
            job: context.id.text)
        do {
            try await mail.send(through: http, server: server)
        } catch {
            try await MailTrouble(pool: pool).note(error, id: id, failures: context.failures)
            throw error
        }
        try await pool.transaction { connection in
            try await MailStore(on: connection).markSent(id, to: mail.to)
            let notifications = NotificationStore(on: connection)
            try await notifications.resolve([NotificationEvent.mailFailing], organization: nil)
            try await notifications.resolve([NotificationEvent.mailFailed], organization: organization.id)
            if organization.status == .registered, organization.statusDetail != nil {
                try await OrganizationStore(on: connection).clearDetail(organization.id, of: .registered)
            }
        }
    }
}
