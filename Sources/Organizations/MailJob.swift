package import FoundationEssentials
internal import HTTPClient
package import Jobs
internal import Logging
internal import Postgres

/// The handler of `SendConsentMail`: writes the mail down, sends it if there is a server, and notes that.
///
/// A crash between sending and noting sends it twice, which does less harm than not at all.
struct MailJob: Sendable {
    let pool: PostgresPool
    let http: HTTPClient
    let app: AppIdentity
    let settings: MailSettings

    func run(_ context: JobContext) async throws -> JobOutcome {
        let organizationID = try context.organizationArgument()
        guard let purpose = MailContent.Purpose(rawValue: try context.argument(1, as: String.self)) else {
            throw OrganizationsError(.malformedArguments, "an unknown purpose of a mail")
        }
        let found = try await pool.withConnection {
            try await OrganizationStore(on: $0).find(id: organizationID)
        }
        let argument = try context.argument(2, as: String.self)
        guard let organization = found, let address = EmailAddress(argument),
            Self.isWanted(purpose, by: organization)
        else { return .done }
        let content = MailContent(
            purpose: purpose, appName: app.name, organization: organization.name,
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
        case .superfluous: return .done
        // Those that wait for one limit do not all come back at one moment.
        case .wait(let pause):
            return .again(after: pause + OrganizationsLimits.mailSpread * .random(in: 0..<1))
        }
        return .done
    }

    /// Whether the mail still says something true when its turn has come.
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
                "mail not sent, because SMTP_URL is not set",
                metadata: ["to": "\(address)", "subject": "\(content.subject)", "text": "\(content.text)"])
            return
        }
        let mail = OutgoingMail(
            from: sender, to: settings.address(for: address), content: content, job: context.id.text)
        do {
            try await mail.send(through: http, server: server)
        } catch {
            try await noteFailure(error, id: id, failures: context.failures)
            throw error
        }
        try await pool.transaction { connection in
            try await MailStore(on: connection).markSent(id, to: mail.to)
            let notifications = NotificationStore(on: connection)
            try await notifications.resolve([Self.failingEvent], organization: nil)
            try await notifications.resolve([MailFailureNote.event], organization: organization.id)
            if organization.status == .registered, organization.statusDetail != nil {
                try await OrganizationStore(on: connection).clearDetail(organization.id, of: .registered)
            }
        }
    }

    private static let failingEvent = "mail_failing"
    /// Failures in a row after which operators are notified: some minutes.
    private static let patience = 4

    /// Writes the reason to the mail. What is about all mails is told to operators while jobs go on trying. Throws
    /// what ends the job if the server refused this mail for good.
    private func noteFailure(_ error: any Error, id: Int64, failures: Int) async throws {
        let refusal = error as? HTTPClientError
        try await pool.transaction { connection in
            try await MailStore(on: connection).markFailed(id, error: "\(error)")
            guard refusal?.isPermanentRefusal != true,
                refusal?.code == .loginDenied || failures + 1 >= Self.patience
            else { return }
            try await NotificationStore(on: connection).addOnce(
                Self.failingEvent, organization: nil,
                message: "Mails cannot be sent: \(error). Jobs go on trying; check SMTP_URL.")
        }
        if let refusal, refusal.isPermanentRefusal {
            throw OrganizationsError(.mailRefused, "\(refusal)")
        }
    }
}

extension JobContext {
    /// The tenant that the first argument names.
    package func organizationArgument() throws -> UUID {
        guard let id = UUID(uuidString: try argument(0, as: String.self)) else {
            throw OrganizationsError(.malformedArguments, "the first argument is not an organization")
        }
        return id
    }
}
