internal import FoundationEssentials
package import Jobs
package import Postgres
internal import Reactor

/// What the package's post-install call leads to: a tenant that waits for an admin's consent.
package struct Registration: Sendable {
    private let pool: PostgresPool
    private let queue: JobQueue
    private let cell: String
    private let newcomers: CallBatch<RegistrationRequest, Outcome?>

    /// Of the current loop, as pool and queue are.
    ///
    /// - Parameter cell: the named database where new tenants' rows go.
    package init(pool: PostgresPool, queue: JobQueue, cell: String = "default") {
        self.pool = pool
        self.queue = queue
        self.cell = cell
        newcomers = CallBatch(maximum: OrganizationsLimits.registrationBatch) { requests in
            try await Self.registerNew(requests, pool: pool, queue: queue, cell: cell)
        }
    }

    /// What a registration came to.
    package enum Outcome: Sendable, Equatable {
        /// Registered, again or for the first time; what becomes of the mail (202).
        case accepted(Organization, mail: MailThrottle.Decision)
        /// An admin's consent is in force; nothing was changed (409).
        case alreadyConsented(Organization)
    }

    /// Writes organization, connection and first job in one transaction, and tells Redis of the job after it.
    ///
    /// Before consent a repeat replaces name and address: whoever registers an org id first must not be able
    /// to lock the real admin out. An uninstalled org starts again.
    package func register(_ request: RegistrationRequest) async throws -> Outcome {
        if let outcome = try await newcomers(request) { return outcome }
        let (outcome, job) = try await pool.transaction { connection in
            try await register(request, on: connection)
        }
        if let job { await queue.push([job]) }
        return outcome
    }

    /// Registers orgs that nobody knows yet, all in one transaction of one round trip: most of what a
    /// statement costs the server is the same for one row and for many. Nil for those that are known, or whose
    /// admin was mailed of late, which takes a look at what was before.
    private static func registerNew(
        _ requests: [RegistrationRequest], pool: PostgresPool, queue: JobQueue, cell: String
    ) async throws -> [Outcome?] {
        let new = requests.map { (id: UUID(), request: $0) }
        let mails = try queue.insertion(
            of: new.map {
                OrganizationJob.mail(.consent, organization: $0.id, to: $0.request.adminEmail, at: nil)
            },
            where: OrganizationStore.isWritten("n.organization_id"))
        let rows: [Rows]
        do {
            rows = try await pool.withConnection { connection in
                try await connection.pipeline([
                    OrganizationStore.insertion(of: new, cell: cell), mails.statement,
                ])
            }
        } catch let error as PostgresError where error.code == .server {
            // One request's fault, whatever it is, must not become the others': each is tried by itself.
            return requests.map { _ in nil }
        }
        await queue.push(try mails.jobs(rows[1]))
        let written = try OrganizationStore.organizations(rows[0])
        return new.map { new in written[new.id].map { .accepted($0, mail: .now) } }
    }

    private func register(
        _ request: RegistrationRequest, on connection: PostgresConnection
    ) async throws -> (Outcome, EnqueuedJob?) {
        let store = OrganizationStore(on: connection)
        let isNew = try await store.insert(request, cell: cell)
        guard let found = try await store.lock(request.organization) else {
            throw OrganizationsError(.unknownOrganization, "an organization vanished while it was registered")
        }
        guard let status = found.status.afterRegistration else { return (.alreadyConsented(found), nil) }
        if !isNew { try await store.update(found.id, with: request, status: status) }
        if found.status == .uninstalled {
            try await ConnectionStore(on: connection).setState(of: found.id, to: .needAuthentication)
        }
        try await ActivityStore(on: connection).add(
            isNew ? "registered" : "registered_again", by: "org", organization: found.id,
            detail: "admin \(request.adminEmail)")
        let (decision, job) = try await enqueueMail(found.id, to: request.adminEmail, on: connection)
        guard let organization = try await store.find(id: found.id) else {
            throw OrganizationsError(.unknownOrganization, "an organization vanished while it was registered")
        }
        return (.accepted(organization, mail: decision), job)
    }

    private func enqueueMail(
        _ organization: UUID, to address: EmailAddress, on connection: PostgresConnection
    ) async throws -> (MailThrottle.Decision, EnqueuedJob?) {
        let (facts, now) = try await MailStore(on: connection).facts(
            organization: organization, recipient: address)
        let decision = MailThrottle.decision(facts, now: now)
        let at: Date?
        switch decision {
        case .now: at = nil
        case .at(let time): at = time
        case .not: return (decision, nil)
        }
        let job = OrganizationJob.mail(.consent, organization: organization, to: address, at: at)
        return (decision, try await queue.enqueue(job, on: connection))
    }
}
