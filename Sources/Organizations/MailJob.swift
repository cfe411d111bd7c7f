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
        // A repeated registration may have replaced the address, and enqueued a mail to the new one.
        let address = try context.argument(2, as: String.self)
        guard let organization = found, organization.adminEmail.text == address,
            Self.isWanted(purpose, by: organization)
        else { return .done }
        let content = MailContent(
            purpose: purpose, appName: app.name, organization: organization.name,
            link: ConsentLink.url(
                appURL: app.url, organization: organization.organizationID,
                environment: organization.environment))
        let written = try await pool.withConnection { connection in
            try await MailStore(on: connection).write(
                content, purpose: purpose, job: context.id.text, organization: organization.id,
                recipient: organization.adminEmail)
        }
        guard !written.isSent else { return .done }
        guard let server = settings.server else {
            context.logger.notice(
                "mail not sent, because SMTP_URL is not set",
                metadata: [
                    "to": "\(organization.adminEmail)", "subject": "\(content.subject)",
                    "text": "\(content.text)",
                ])
            return .done
        }
        let mail = OutgoingMail(
            from: settings.sender, to: settings.address(for: organization.adminEmail), content: content,
            job: context.id.text)
        try await send(mail, id: written.id, server: server)
        return .done
    }

    /// Whether the mail still says something true when its turn has come.
    static func isWanted(_ purpose: MailContent.Purpose, by organization: Organization) -> Bool {
        switch purpose {
        case .consent: organization.status.afterRegistration != nil
        case .unauthorized, .lostToken: organization.status == .unauthorized
        }
    }

    private func send(_ mail: OutgoingMail, id: Int64, server: MailServer) async throws {
        do {
            try await mail.send(through: http, server: server)
        } catch {
            try await pool.withConnection { try await MailStore(on: $0).markFailed(id, error: "\(error)") }
            throw error
        }
        try await pool.withConnection { try await MailStore(on: $0).markSent(id, to: mail.to) }
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
