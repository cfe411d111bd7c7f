package import FoundationEssentials
package import Postgres

/// A stored mail, sent or not.
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

/// Mails in the control database. Operators read them there without a mail server, and throttling counts
/// them.
package struct MailStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// The stored mail of a job.
    struct Written {
        let id: Int64
        let isSent: Bool
    }

    /// A mail that a job wants to send.
    struct Request {
        let job: String
        let organization: UUID
        let purpose: MailContent.Purpose
        let recipient: EmailAddress
        /// The address key of the registration's caller; nil if the call was signed, or without a
        /// registration.
        var source: String?
    }

    /// Whether a mail may be sent now.
    enum Admission {
        case written(Written)
        /// The limits are reached: wait this long.
        case wait(Duration)
        /// The admin was mailed about this org a short while ago.
        case unneeded
    }

    /// Serializes the notifications of failures until the transaction ends, so that mails that fail at the
    /// same time cause one notification.
    func lockFailures() async throws {
        _ = try await connection.query(
            "select pg_advisory_xact_lock(\(Self.admissionLock)::int, 1)")
    }

    /// Stores a job's mail if the limits allow it, or finds the one that an earlier attempt of the job
    /// stored. Call it in a transaction: it serializes consent mails, so that concurrent ones are counted.
    func admit(_ content: MailContent, _ request: Request, limits: MailLimits) async throws -> Admission {
        if let written = try await find(job: request.job) { return .written(written) }
        guard request.purpose == .consent else { return .written(try await write(content, request)) }
        _ = try await connection.query(
            "select pg_advisory_xact_lock(\(Self.admissionLock)::int, 0)")
        let (facts, now) = try await facts(
            organization: request.organization, recipient: request.recipient, source: request.source,
            limits: limits)
        switch MailThrottle.decision(facts, limits: limits, now: now) {
        case .now: return .written(try await write(content, request))
        case .at(let time): return .wait(.seconds(max(1, time.timeIntervalSince(now))))
        case .alreadyMailed, .unreachable: return .unneeded
        }
    }

    /// "mail" in ASCII: the first key of this target's advisory locks.
    private static let admissionLock = 0x6d61_696c

    private func find(job: String) async throws -> Written? {
        let rows = try await connection.query(
            "select id, sent_at is not null as sent from multiconnect.mails where job_id = \(job)")
        return try rows.first.map { Written(id: try $0["id"], isSent: try $0["sent"]) }
    }

    func write(_ content: MailContent, _ request: Request) async throws -> Written {
        let rows = try await connection.query(
            """
            insert into multiconnect.mails
                (job_id, organization_id, purpose, recipient, source, subject, text_body, html_body)
            values (\(request.job), \(request.organization), \(request.purpose.rawValue),
                    \(request.recipient.text), \(request.source), \(content.subject), \(content.text),
                    \(content.html))
            on conflict (job_id) do update set job_id = excluded.job_id
            returning id, sent_at is not null as sent
            """)
        guard let row = rows.first else {
            throw OrganizationsError(.malformedRow, "the insert of a mail returned no row")
        }
        return Written(id: try row["id"], isSent: try row["sent"])
    }

    func markSent(_ id: Int64, to address: EmailAddress) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.mails set sent_at = now(), sent_to = \(address.text), error = null
            where id = \(id)
            """
        )
    }

    func markFailed(_ id: Int64, error: String) async throws {
        _ = try await connection.execute("update multiconnect.mails set error = \(error) where id = \(id)")
    }

    /// The facts for throttling, and the database's time when they were read.
    func facts(
        organization: UUID, recipient: EmailAddress, source: String?, limits: MailLimits
    ) async throws -> (facts: MailThrottle.Facts, now: Date) {
        let recent: SQL = "purpose = 'consent' and created_at > now() - interval '1 hour'"
        let rows = try await connection.query(
            """
            (select 'last' as kind, created_at from multiconnect.mails
             where organization_id = \(organization) and recipient = \(recipient.text) and \(recent)
               and error is null
             order by created_at desc limit 1)
            union all
            (select 'organization', created_at from multiconnect.mails
             where organization_id = \(organization) and source is not distinct from \(source)::text
               and \(recent)
             order by created_at desc limit \(limits.perOrganization))
            union all
            (select 'recipient', created_at from multiconnect.mails
             where recipient = \(recipient.text) and \(recent)
             order by created_at desc limit \(limits.perRecipient))
            union all
            (select 'source', created_at from multiconnect.mails where source = \(source)::text and \(recent)
             order by created_at desc limit \(limits.perSource))
            union all
            (select 'all', created_at from multiconnect.mails where \(recent)
             order by created_at desc limit \(limits.total))
            """)
        let now = try await connection.query("select now()").scalar(as: Date.self)
        var facts = MailThrottle.Facts()
        for row in rows {
            let time = try row["created_at", as: Date.self]
            switch try row["kind", as: String.self] {
            case "last": facts.lastToRecipientAboutOrganization = time
            case "organization": facts.aboutOrganization.append(time)
            case "recipient": facts.toRecipient.append(time)
            case "source": facts.fromSource.append(time)
            default: facts.all.append(time)
            }
        }
        return (facts, now)
    }

    /// The condition that a mail may be sent at once: the recipient got no mail within the hour, and the
    /// source and the installation are below their limits.
    ///
    /// - Parameters:
    ///   - recipient: the column of the recipient.
    ///   - source: the column of the source.
    static func isUnlimited(recipient: String, source: String, limits: MailLimits) -> SQL {
        let recent: SQL = "m.purpose = 'consent' and m.created_at > now() - interval '1 hour'"
        return """
            not exists (
                select from multiconnect.mails as m where m.recipient = \(raw: recipient) and \(recent))
            and (select count(*) from (
                    select from multiconnect.mails as m where m.source = \(raw: source) and \(recent)
                    limit \(limits.perSource)) as of_source) < \(limits.perSource)
            and (select count(*) from (
                    select from multiconnect.mails as m where \(recent) limit \(limits.total)) as of_all)
                < \(limits.total)
            """
    }

    /// Mails, the newest first; of all tenants if `organization` is nil.
    ///
    /// - Parameter before: the last mail of the page before.
    package func list(
        organization: UUID? = nil, before id: Int64? = nil, limit: Int = 100
    ) async throws -> [StoredMail] {
        let rows = try await connection.query(
            """
            select id, organization_id, purpose, recipient, sent_to, subject, text_body, html_body,
                   created_at, sent_at, error
            from multiconnect.mails
            where (\(organization)::uuid is null or organization_id = \(organization)::uuid)
                and (\(id)::bigint is null or id < \(id)::bigint)
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
