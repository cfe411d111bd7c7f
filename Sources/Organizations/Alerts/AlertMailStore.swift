internal import Postgres

/// Mails to operators in the table of mails.
struct AlertMailStore {
    /// The mail that a job sends.
    struct Stored: Sendable {
        let id: Int64
        let recipient: String
        let content: MailContent
        let isSent: Bool
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Stores the mail of a job that is inserted in the same transaction.
    func write(_ content: MailContent, to recipient: EmailAddress, job: String) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.mails (job_id, purpose, recipient, subject, text_body, html_body)
            values (\(job), 'alert', \(recipient.text), \(content.subject), \(content.text), \(content.html))
            """)
    }

    /// The mail of a job; nil if it was removed.
    func find(job: String) async throws -> Stored? {
        let rows = try await connection.query(
            """
            select id, recipient, subject, text_body, html_body, sent_at is not null as sent
            from multiconnect.mails where job_id = \(job)
            """)
        return try rows.first.map { row in
            Stored(
                id: try row["id"], recipient: try row["recipient"],
                content: MailContent(
                    subject: try row["subject"], text: try row["text_body"], html: try row["html_body"]),
                isSent: try row["sent"])
        }
    }
}
