internal import Activity
internal import FoundationEssentials
package import Jobs
package import Postgres
internal import Reactor
internal import Salesforce

/// Registers the org of a package's post-install call: a tenant that waits for an admin's consent.
package struct OrganizationRegistration: Sendable {
    /// A registration and its source.
    struct Call: Sendable {
        let request: RegistrationRequest
        /// The address key of the caller; nil if the call was signed.
        let source: String?

        var isSigned: Bool { source == nil }
    }

    private let pool: PostgresPool
    private let queue: JobQueue
    private let cell: String
    private let limits: MailLimits
    private let newcomers: CallBatch<Call, Outcome?>

    /// Create it on the loop of `pool` and `queue`.
    ///
    /// - Parameters:
    ///   - cell: the cell (a named database) of new tenants' rows.
    ///   - limits: how many mails may be sent.
    package init(
        pool: PostgresPool, queue: JobQueue, cell: String = "default", limits: MailLimits = MailLimits()
    ) {
        self.pool = pool
        self.queue = queue
        self.cell = cell
        self.limits = limits
        newcomers = CallBatch(maximum: OrganizationsLimits.registrationBatch) { calls in
            try await Self.registerNew(calls, pool: pool, queue: queue, cell: cell, limits: limits)
        }
    }

    /// The result of a registration.
    package enum Outcome: Sendable, Equatable {
        /// Registered, again or for the first time (202).
        case accepted(Organization, mail: MailThrottle.Decision)
        /// A consent is in force; the tenant was not changed (409).
        case alreadyConsented(Organization)
    }

    /// Writes organization, connection and first job in one transaction, then pushes the job.
    ///
    /// Before the first consent a repeat replaces name and address, so that a stranger who registers an org
    /// id first cannot lock the real admin out. After it they stay, and the known admin is mailed, because an
    /// org id is no secret. An uninstalled org starts again.
    ///
    /// - Parameter source: the address key of the caller, for limits; nil if the call was signed.
    package func register(_ request: RegistrationRequest, source: String? = nil) async throws -> Outcome {
        let call = Call(request: request, source: source)
        if !request.adminEmail.isMasked, let outcome = try await newcomers(call) { return outcome }
        let (outcome, job) = try await pool.transaction { connection in
            try await register(call, on: connection)
        }
        if let job { await queue.push([job]) }
        return outcome
    }

    /// Registers unknown orgs in one transaction and one round trip: most of a statement's cost does not
    /// depend on its number of rows. Nil for orgs that are known already, or whose mail a limit may delay:
    /// `register` handles them one by one.
    private static func registerNew(
        _ calls: [Call], pool: PostgresPool, queue: JobQueue, cell: String, limits: MailLimits
    ) async throws -> [Outcome?] {
        let new = calls.map { (id: UUID(), call: $0) }
        let mails = try queue.insertion(
            of: new.map {
                OrganizationJob.mail(
                    .consent, organization: $0.id, to: $0.call.request.adminEmail, at: nil,
                    source: $0.call.source)
            },
            where: RegistrationStore.isWritten("n.organization_id"))
        let rows: [Rows]
        do {
            rows = try await pool.withConnection { connection in
                try await connection.pipeline([
                    RegistrationStore.insertion(of: new, cell: cell, limits: limits), mails.statement,
                ])
            }
        } catch let error as PostgresError where error.code == .server {
            // One bad request must not fail the others, so each is handled by itself.
            return calls.map { _ in nil }
        }
        await queue.push(try mails.jobs(rows[1]))
        let written = try RegistrationStore.organizations(rows[0])
        return new.map { new in written[new.id].map { .accepted($0, mail: .now) } }
    }

    private func register(
        _ call: Call, on connection: PostgresConnection
    ) async throws -> (Outcome, EnqueuedJob?) {
        let request = call.request
        let store = OrganizationStore(on: connection)
        let registrations = RegistrationStore(on: connection)
        let isNew = try await registrations.insert(request, cell: cell, isSigned: call.isSigned)
        guard let found = try await store.lock(request.organization) else {
            throw OrganizationsError(
                .unknownOrganization, "the organization was deleted during its registration")
        }
        guard let status = found.status.afterRegistration else { return (.alreadyConsented(found), nil) }
        let hasConsented = found.authorizedAt != nil
        if hasConsented {
            try await registrations.restart(found.id, status: status)
        } else if !isNew {
            try await registrations.update(
                found.id, with: request, isSigned: call.isSigned, status: status)
        }
        if found.status == .uninstalled {
            try await ConnectionStore(on: connection).setState(of: found.id, to: .needAuthentication)
        }
        try await ActivityStore(on: connection).add(
            isNew ? "registered" : "registered_again", by: "org", organization: found.id,
            detail: hasConsented
                ? "name, address and environment of the consent are kept" : "admin \(request.adminEmail)")
        guard let organization = try await store.find(id: found.id) else {
            throw OrganizationsError(
                .unknownOrganization, "the organization was deleted during its registration")
        }
        let (decision, job) = try await enqueueMail(organization, source: call.source, on: connection)
        return (.accepted(organization, mail: decision), job)
    }

    private func enqueueMail(
        _ organization: Organization, source: String?, on connection: PostgresConnection
    ) async throws -> (MailThrottle.Decision, EnqueuedJob?) {
        let address = organization.adminEmail
        guard !address.isMasked else {
            try await NotificationStore(on: connection).addOnce(
                NotificationEvent.registrationUnreachable, organization: organization.id,
                message:
                    "admin_email \(address) was masked by a sandbox refresh, so no mail can reach it. Send "
                    + "the admin APP_URL/authenticate?org_id=\(organization.organizationID) by hand.")
            return (.unreachable, nil)
        }
        let (facts, now) = try await MailStore(on: connection).facts(
            organization: organization.id, recipient: address, source: source, limits: limits)
        let decision = MailThrottle.decision(facts, limits: limits, now: now)
        let at: Date?
        switch decision {
        case .now: at = nil
        case .at(let time): at = time
        case .alreadyMailed, .unreachable: return (decision, nil)
        }
        let job = OrganizationJob.mail(
            .consent, organization: organization.id, to: address, at: at, source: source)
        return (decision, try await queue.enqueue(job, on: connection))
    }
}

extension OrganizationRegistration {
    /// Notifies operators of a refused body, because the package does not show the answer to anybody.
    ///
    /// - Parameter source: the address key of the caller.
    package func noteRefused(
        _ invalid: RegistrationRequest.Invalid, body: [UInt8], source: String
    ) async throws {
        let organization = Self.organization(in: body).map { " of the org \($0)" } ?? ""
        let problems = invalid.problems.map(\.description).joined(separator: "; ")
        let message = "A registration\(organization) was refused: \(problems)."
        try await pool.withConnection { connection in
            try await NotificationStore(on: connection).add(
                NotificationEvent.registrationRefused, message: message, source: source,
                limits: OrganizationsLimits.refusedRegistrations,
                summary: "Refused registrations that are not listed one by one: {count}. The last came from "
                    + "\(source). \(message)")
        }
    }

    /// The first org id in a body that cannot be read.
    static func organization(in body: [UInt8]) -> OrganizationID? {
        let words = body.split { byte in
            !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                && !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        return words.lazy.compactMap { try? OrganizationID(String(decoding: $0, as: UTF8.self)) }.first
    }
}
