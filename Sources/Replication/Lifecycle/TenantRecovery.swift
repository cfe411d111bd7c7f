internal import Activity
internal import FoundationEssentials
package import Jobs
package import Logging
internal import Organizations
package import Postgres

/// Updates tenants and mappings when their jobs are given up or retried, and finds those whose job is
/// missing.
package struct TenantRecovery: Sendable {
    let control: PostgresPool
    let queue: JobQueue
    private let logger: Logger

    package init(control: PostgresPool, queue: JobQueue, logger: Logger) {
        self.control = control
        self.queue = queue
        self.logger = logger
    }

    /// Marks the tenant or mapping of a job that is dead, cancelled or deleted. Ignores jobs that no tenant's
    /// status depends on. If this fails, or the process ends first, `sweep` marks it later.
    package func noteGivenUp(_ job: JobRecord, _ error: any Error) async {
        await MailFailureReport(control: control, logger: logger).report(job, error)
        guard let organization = job.organizationID else { return }
        let reason = FaultReason.text(error)
        await update("could not mark tenant of ended job") { connection in
            switch job.className {
            case ImportJob.className:
                guard let mapping = try? job.arguments.decode(0, as: UUID.self) else {
                    try await fail(organization, "\(job.className): \(reason)", on: connection)
                    return []
                }
                return try await failImport(of: mapping, organization, reason, on: connection)
            case ReloadJob.className:
                if let mapping = try? job.arguments.decode(0, as: UUID.self) {
                    try await noteFailedReload(of: mapping, organization, reason, on: connection)
                }
                return []
            case OrganizationJob.provisionOrganization, OrganizationJob.announceConnection:
                try await fail(organization, "\(job.className): \(reason)", on: connection)
                return []
            default: return []
            }
        }
    }

    /// Moves a tenant or mapping out of its failed state when its job is retried.
    package func noteRetried(_ job: JobRecord) async {
        guard let organization = job.organizationID else { return }
        await update("could not mark tenant of retried job") { connection in
            switch job.className {
            case ImportJob.className:
                let mapping = try job.arguments.decode(0, as: UUID.self)
                try await TenantStatus.reopen(mapping, of: organization, on: connection)
            case OrganizationJob.provisionOrganization:
                try await TenantStatus.restart(
                    organization, as: .provisioning, from: [.failed], on: connection)
            case OrganizationJob.announceConnection:
                try await TenantStatus.restart(organization, as: .importing, from: [.failed], on: connection)
            default: break
            }
            return []
        }
    }

    private func update(
        _ failure: String, _ body: (PostgresConnection) async throws -> [EnqueuedJob]
    ) async {
        do {
            await queue.push(try await control.transaction(body))
        } catch {
            logger.warning("\(failure)", metadata: ["error": "\(error)"])
        }
    }
}

// Failed steps.
extension TenantRecovery {
    /// Puts a mapping in error. The tenant's other mappings continue.
    func failImport(
        of mapping: UUID, _ organization: UUID, _ reason: String, on connection: PostgresConnection
    ) async throws -> [EnqueuedJob] {
        guard let tenant = try await OrganizationStore(on: connection).lock(id: organization),
            // Without a grant no import can run. The next consent begins the imports again.
            Tenant(tenant).work != .over
        else { return [] }
        let store = MappingStore()
        guard try await store.fail(mapping, reason, on: connection) else { return [] }
        let name = try await store.mapping(mapping, on: connection).objectName
        try await NotificationStore(on: connection).addOnce(
            "mapping_failed", organization: organization,
            message: "\(name) is not imported: \(reason). The other objects continue. To retry, run "
                + "`multiconnect organizations retry \(tenant.organizationID)`",
            atMost: ReplicationLimits.openNotifications)
        var enqueued: [EnqueuedJob] = []
        for job in try await TenantStatus.settle(organization, on: connection) {
            enqueued.append(try await queue.enqueue(job, on: connection))
        }
        return enqueued
    }

    /// Notifies operators of a reload that was given up: once until a reload of the mapping succeeds.
    private func noteFailedReload(
        of mapping: UUID, _ organization: UUID, _ reason: String, on connection: PostgresConnection
    ) async throws {
        // Two reloads must not both add the notification.
        guard let tenant = try await OrganizationStore(on: connection).lock(id: organization) else { return }
        let name = try await MappingStore().mapping(mapping, on: connection).objectName
        try await NotificationStore(on: connection).update(
            ReloadJob.failureEvent, organization: organization, subject: name,
            message: "the reload was given up, and the rows stay as they are: \(reason). It is tried again "
                + "later, at least once a day. To try it now, run "
                + "`multiconnect mappings reload \(tenant.organizationID) \(name)`")
    }

    /// Puts the whole tenant in the status failed.
    private func fail(
        _ organization: UUID, _ reason: String, on connection: PostgresConnection
    ) async throws {
        // A tenant that is now unauthorized keeps that status, because it is more precise.
        let store = OrganizationStore(on: connection)
        guard try await store.trySetStatus(organization, to: .failed, detail: reason) else { return }
        try await NotificationStore(on: connection).add(
            "job_failed", organization: organization, message: reason)
    }
}

// Tenants and mappings whose job is missing.
extension TenantRecovery {
    /// The class of the periodic job that runs `sweep`.
    package static let className = "RecoverTenants"

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 5) { context in
            let marked = try await sweep()
            if marked > 0 {
                context.logger.warning(
                    "recorded ends of jobs that were missed", metadata: ["jobs": "\(marked)"])
            }
            return .done
        }
    }

    /// Marks tenants and mappings whose job is missing: the job became dead but the tenant was not marked, or
    /// the job was deleted. Returns how many.
    package func sweep() async throws -> Int {
        let missing = MissingJobStore()
        var marked = 0
        for step in try await control.withConnection({ try await missing.imports(on: $0) }) {
            guard let mapping = step.mapping else { continue }
            try await recover {
                let isMissing = try await missing.imports(on: $0).contains { $0.mapping == mapping }
                guard isMissing else { return [] }
                return try await failImport(of: mapping, step.organization, step.reason("import"), on: $0)
            }
            marked += 1
        }
        for step in try await control.withConnection({ try await missing.provisionings(on: $0) }) {
            let reason = "\(OrganizationJob.provisionOrganization): \(step.reason("provisioning"))"
            try await recover {
                try await fail(step.organization, reason, on: $0)
                return []
            }
            marked += 1
        }
        for step in try await control.withConnection({ try await missing.announcements(on: $0) }) {
            try await recover { connection in
                if step.isGivenUp {
                    let reason = "\(OrganizationJob.announceConnection): \(step.reason("announcement"))"
                    try await fail(step.organization, reason, on: connection)
                    return []
                }
                var enqueued: [EnqueuedJob] = []
                for job in try await TenantStatus.settle(step.organization, on: connection) {
                    enqueued.append(try await queue.enqueue(job, on: connection))
                }
                return enqueued
            }
            marked += 1
        }
        return try await marked + MailFailureReport(control: control, logger: logger).sweep()
    }

    private func recover(_ body: (PostgresConnection) async throws -> [EnqueuedJob]) async throws {
        await queue.push(try await control.transaction(body))
    }
}

extension MissingJobStore.Step {
    fileprivate func reason(_ what: String) -> String { lastError ?? "the job of the \(what) was deleted" }
}
