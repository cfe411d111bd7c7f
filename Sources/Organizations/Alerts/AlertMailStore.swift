internal import FoundationEssentials
internal import Postgres

/// Mails to operators in the table of mails.
struct AlertMailStore {
    /// The mail that a job sends.
    struct Stored: Sendable {
        let id: Int64
        let recipient: String
        let content: MailContent
        let isSent: Bool
        /// The tenant whose admin gets it; nil for a mail to operators.
        let organization: UUID?
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Stores the mail of a job that is inserted in the same transaction.
    ///
    /// - Parameter organization: the tenant whose admin gets it; nil for a mail to operators.
    func write(
        _ content: MailContent, to recipient: EmailAddress, job: String, organization: UUID? = nil
    ) async throws {
        let purpose = organization == nil ? "alert" : "admin_alert"
        _ = try await connection.execute(
            """
            insert into multiconnect.mails
                (job_id, organization_id, purpose, recipient, subject, text_body, html_body)
            values (\(job), \(organization), \(purpose), \(recipient.text), \(content.subject),
                \(content.text), \(content.html))
            """)
    }

    /// The mail of a job; nil if it was removed.
    func find(job: String) async throws -> Stored? {
        let rows = try await connection.query(
            """
            select id, organization_id, recipient, subject, text_body, html_body,
                sent_at is not null as sent
            from multiconnect.mails where job_id = \(job)
            """)
        return try rows.first.map { row in
            Stored(
                id: try row["id"], recipient: try row["recipient"],
                content: MailContent(
                    subject: try row["subject"], text: try row["text_body"], html: try row["html_body"]),
                isSent: try row["sent"], organization: try row["organization_id"])
        }
    }
}
