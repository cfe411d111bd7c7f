internal import Activity
package import FoundationEssentials
package import Jobs
package import Postgres

/// Mails a tenant's admin the link again for an operator.
package struct MailReminder: Sendable {
    /// The effect of the action.
    package enum Outcome: Sendable, Equatable {
        /// A mail to this address is enqueued.
        case queued(EmailAddress)
        /// The admin was mailed at this time. There is a pause between two mails.
        case tooSoon(since: Date)
        /// The tenant's status needs no consent.
        case refused(OrganizationStatus)
        case unknown
    }

    private let pool: PostgresPool
    private let queue: JobQueue

    package init(pool: PostgresPool, queue: JobQueue) {
        self.pool = pool
        self.queue = queue
    }

    package func send(to id: UUID, by actor: String) async throws -> Outcome {
        let (outcome, job) = try await pool.transaction { connection -> (Outcome, EnqueuedJob?) in
            guard let found = try await OrganizationStore(on: connection).lock(id: id) else {
                return (.unknown, nil)
            }
            guard let purpose = AdminAddress.purpose(for: found.status) else {
                return (.refused(found.status), nil)
            }
            if purpose == .consent, let last = try await lastMail(to: found, on: connection) {
                return (.tooSoon(since: last), nil)
            }
            try await ActivityStore(on: connection).add(
                "mail_repeated", by: actor, organization: id, detail: "to \(found.adminEmail)")
            let job = OrganizationJob.mail(purpose, organization: id, to: found.adminEmail, at: nil)
            return (.queued(found.adminEmail), try await queue.enqueue(job, on: connection))
        }
        if let job { await queue.push([job]) }
        return outcome
    }

    /// The last mail, if the job of another one would leave it out.
    private func lastMail(
        to organization: Organization, on connection: PostgresConnection
    ) async throws -> Date? {
        let (facts, now) = try await MailStore(on: connection).facts(
            organization: organization.id, recipient: organization.adminEmail, source: nil,
            limits: MailLimits())
        guard case .alreadyMailed = MailThrottle.decision(facts, now: now) else { return nil }
        return facts.lastToRecipientAboutOrganization
    }
}
