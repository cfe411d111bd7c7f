package import FoundationEssentials
package import Postgres

/// A mail as it was written, sent or not.
package struct StoredMail: Sendable, Equatable {
    package let id: Int64
    package let organization: UUID?
    package let purpose: String
    package let recipient: String
    package let sentTo: String?
    package let subject: String
    package let text: String
    package let html: String
    package let createdAt: Date
    package let sentAt: Date?
    package let error: String?
}

/// Mails in the control database: where they are read when there is no server to send them with, and what
/// throttling counts.
package struct MailStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// What a job's mail is, and whether it has been sent.
    struct Written {
        let id: Int64
        let isSent: Bool
    }

    /// Writes a job's mail, or finds the one that an earlier start of the job wrote.
    func write(
        _ content: MailContent, purpose: MailContent.Purpose, job: String, organization: UUID,
        recipient: EmailAddress
    ) async throws -> Written {
        let rows = try await connection.query(
            """
            insert into multiconnect.mails
                (job_id, organization_id, purpose, recipient, subject, text_body, html_body)
            values (\(job), \(organization), \(purpose.rawValue), \(recipient.text), \(content.subject),
                    \(content.text), \(content.html))
            on conflict (job_id) do update set job_id = excluded.job_id
            returning id, sent_at is not null as sent
            """)
        guard let row = rows.first else { throw OrganizationsError(.malformedRow, "a mail was not written") }
        return Written(id: try row["id"], isSent: try row["sent"])
    }

    func markSent(_ id: Int64, to address: EmailAddress) async throws {
        _ = try await connection.execute(
            "update multiconnect.mails set sent_at = now(), sent_to = \(address.text), error = null where id = \(id)"
        )
    }

    func markFailed(_ id: Int64, error: String) async throws {
        _ = try await connection.execute("update multiconnect.mails set error = \(error) where id = \(id)")
    }

    /// What throttling needs to know, and the database's time at which it is true.
    func facts(organization: UUID, recipient: EmailAddress) async throws -> (
        facts: MailThrottle.Facts, now: Date
    ) {
        let rows = try await connection.query(
            """
            select created_at, organization_id = \(organization) as about,
                   recipient = \(recipient.text) as same
            from (
                (select * from multiconnect.mails where organization_id = \(organization)
                 order by id desc limit 50)
                union
                (select * from multiconnect.mails where recipient = \(recipient.text)
                 order by created_at desc limit 50)
            ) m
            where purpose = 'consent' and created_at > now() - interval '1 hour'
            order by created_at
            """)
        let now = try await connection.query("select now()").scalar(as: Date.self)
        var facts = MailThrottle.Facts()
        for row in rows {
            let time = try row["created_at", as: Date.self]
            let about = try row["about", as: Bool?.self] ?? false
            let same = try row["same", as: Bool.self]
            if about { facts.aboutOrganization.append(time) }
            if same { facts.toRecipient.append(time) }
            if about && same { facts.lastToRecipientAboutOrganization = time }
        }
        return (facts, now)
    }

    /// The newest first; of all tenants if none is named.
    package func list(organization: UUID? = nil, limit: Int = 100) async throws -> [StoredMail] {
        let rows = try await connection.query(
            """
            select id, organization_id, purpose, recipient, sent_to, subject, text_body, html_body,
                   created_at, sent_at, error
            from multiconnect.mails
            where (\(organization)::uuid is null or organization_id = \(organization)::uuid)
            order by id desc limit \(limit)
            """)
        return try rows.map { row in
            StoredMail(
                id: try row["id"], organization: try row["organization_id"], purpose: try row["purpose"],
                recipient: try row["recipient"], sentTo: try row["sent_to"], subject: try row["subject"],
                text: try row["text_body"], html: try row["html_body"], createdAt: try row["created_at"],
                sentAt: try row["sent_at"], error: try row["error"])
        }
    }
}
