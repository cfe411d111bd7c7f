internal import FoundationEssentials
package import Jobs
package import Logging
internal import Organizations
package import Postgres

/// Keeps the status of tenants and mappings in step with their jobs, whatever ends a job or begins it again.
package struct TenantRecovery: Sendable {
    let control: PostgresPool
    let queue: JobQueue
    private let logger: Logger

    package init(control: PostgresPool, queue: JobQueue, logger: Logger) {
        self.control = control
        self.queue = queue
        self.logger = logger
    }

    /// Notes that a job was given up: it is dead, cancelled or deleted. Does nothing for jobs that a tenant becomes
    /// live without. What is not noted here, because the process ends or the database is away, `sweep` finds.
    package func noteGivenUp(_ job: JobRecord, _ error: any Error) async {
        await MailFailureNote(control: control, logger: logger).note(job, error)
        guard let organization = job.organizationID else { return }
        let reason = FaultReason.text(error)
        await note("could not mark the tenant of a given up job") { connection in
            switch job.className {
            case Importer.className:
                guard let mapping = try? job.arguments.decode(0, as: UUID.self) else {
                    try await fail(organization, "\(job.className): \(reason)", on: connection)
                    return []
                }
                return try await failImport(of: mapping, organization, reason, on: connection)
            case OrganizationJob.provisionOrganization, OrganizationJob.announceConnection:
                try await fail(organization, "\(job.className): \(reason)", on: connection)
                return []
            default: return []
            }
        }
    }

    /// Notes that a job that had been given up runs again, so that nobody takes its tenant for failed meanwhile.
    package func noteRetried(_ job: JobRecord) async {
        guard let organization = job.organizationID else { return }
        await note("could not mark the tenant of a retried job") { connection in
            switch job.className {
            case Importer.className:
                let mapping = try job.arguments.decode(0, as: UUID.self)
                try await Self.reopen(mapping, of: organization, on: connection)
            case OrganizationJob.provisionOrganization:
                try await Self.restart(organization, as: .provisioning, from: [.failed], on: connection)
            case OrganizationJob.announceConnection:
                try await Self.restart(organization, as: .importing, from: [.failed], on: connection)
            default: break
            }
            return []
        }
    }

    private func note(
        _ failure: String, _ body: (PostgresConnection) async throws -> [EnqueuedJob]
    ) async {
        do {
            await queue.push(try await control.transaction(body))
        } catch {
            logger.warning("\(failure)", metadata: ["error": "\(error)"])
        }
    }
}

// Effects of failed steps. Each locks the organization first, so that of several imports that end at once exactly
// one sees that it is the last.
extension TenantRecovery {
    /// The mapping is in error with the reason; the tenant's other mappings go on.
    func failImport(
        of mapping: UUID, _ organization: UUID, _ reason: String, on connection: PostgresConnection
    ) async throws -> [EnqueuedJob] {
        guard let tenant = try await OrganizationStore(on: connection).lock(id: organization),
            // Without a grant nothing can be imported; the next consent begins the imports again.
            Tenant(tenant).work != .over
        else { return [] }
        let store = MappingStore()
        guard try await store.fail(mapping, reason, on: connection) else { return [] }
        let name = try await store.mapping(mapping, on: connection).objectName
        try await NotificationStore(on: connection).addOnce(
            "mapping_failed", organization: organization,
            message: "\(name) is not imported: \(reason). The other objects go on; "
                + "`multiconnect organizations retry \(tenant.organizationID)` tries again",
            atMost: ReplicationLimits.openNotifications)
        var enqueued: [EnqueuedJob] = []
        for job in try await Self.settle(organization, on: connection) {
            enqueued.append(try await queue.enqueue(job, on: connection))
        }
        return enqueued
    }

    /// The tenant as a whole has failed.
    private func fail(
        _ organization: UUID, _ reason: String, on connection: PostgresConnection
    ) async throws {
        // A tenant that is unauthorized by now says more than this would.
        let store = OrganizationStore(on: connection)
        guard try await store.trySetStatus(organization, to: .failed, detail: reason) else { return }
        try await NotificationStore(on: connection).add(
            "job_failed", organization: organization, message: reason)
    }

    /// Brings the status of an importing tenant in line with its mappings, in the transaction that changed one of
    /// them. Gives the jobs that follow.
    static func settle(_ organization: UUID, on connection: PostgresConnection) async throws -> [NewJob] {
        let store = OrganizationStore(on: connection)
        // While a tenant is provisioned, the end of that says what follows.
        guard let tenant = try await store.lock(id: organization),
            ![.authorized, .provisioning].contains(tenant.status)
        else { return [] }
        let progress = try await MappingStore().progress(of: organization, on: connection)
        switch progress.verdict {
        case .importing:
            try await showDetail(progress, of: tenant, on: connection)
            return []
        case .failed:
            _ = try await store.trySetStatus(
                organization, to: .failed, detail: progress.detail ?? "no object could be imported")
            return []
        case .ready:
            try await showDetail(progress, of: tenant, on: connection)
            return [OrganizationJob.announce(organization)]
        }
    }

    private static func showDetail(
        _ progress: TenantProgress, of tenant: Organization, on connection: PostgresConnection
    ) async throws {
        guard [.importing, .live].contains(tenant.status), tenant.statusDetail != progress.detail else {
            return
        }
        try await OrganizationStore(on: connection).setStatus(
            tenant.id, to: tenant.status, detail: progress.detail)
    }

    /// Shows on mapping and tenant why the last start of an import failed.
    static func noteError(
        _ reason: String, of mapping: Mapping, on connection: PostgresConnection
    ) async throws {
        guard let tenant = try await OrganizationStore(on: connection).lock(id: mapping.organizationID) else {
            return
        }
        let store = MappingStore()
        try await store.noteError(reason, of: mapping.id, on: connection)
        let progress = try await store.progress(of: mapping.organizationID, on: connection)
        try await showDetail(progress, of: tenant, on: connection)
    }

    /// Shows on the tenant why the last start of its provisioning failed.
    static func noteError(
        _ reason: String, provisioning organization: UUID, on connection: PostgresConnection
    ) async throws {
        let store = OrganizationStore(on: connection)
        guard let tenant = try await store.lock(id: organization),
            [.authorized, .provisioning].contains(tenant.status)
        else { return }
        try await store.setStatus(organization, to: tenant.status, detail: reason)
    }

    /// A mapping that was given up is imported again, and its tenant is importing.
    static func reopen(
        _ mapping: UUID, of organization: UUID, on connection: PostgresConnection
    ) async throws {
        guard let tenant = try await OrganizationStore(on: connection).lock(id: organization) else { return }
        _ = try await MappingStore().reopen(mapping, on: connection)
        let progress = try await MappingStore().progress(of: organization, on: connection)
        try await showDetail(progress, of: tenant, on: connection)
        try await restart(organization, as: .importing, from: [.failed, .live], on: connection)
    }

    /// Gives a tenant that has failed, or that is live without some objects, the status of what begins again.
    static func restart(
        _ organization: UUID, as status: OrganizationStatus, from: Set<OrganizationStatus>,
        on connection: PostgresConnection
    ) async throws {
        let store = OrganizationStore(on: connection)
        guard let tenant = try await store.lock(id: organization), from.contains(tenant.status) else {
            return
        }
        let progress = try await MappingStore().progress(of: organization, on: connection)
        // A live tenant whose objects are all synced is not importing, whichever job runs again.
        guard tenant.status == .failed || progress.verdict == .importing else { return }
        try await store.setStatus(
            organization, to: status, detail: status == .importing ? progress.detail : nil)
    }
}

// Recovery from deaths of jobs that no process could note.
extension TenantRecovery {
    /// The class of the periodic job that runs `sweep`.
    package static let className = "RecoverTenants"

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 5) { context in
            let marked = try await sweep()
            if marked > 0 {
                context.logger.warning(
                    "tenants waited for jobs that are gone", metadata: ["steps": "\(marked)"])
            }
            return .done
        }
    }

    /// Marks tenants and mappings whose job is gone: it died while nobody could note it, or was removed. Gives how
    /// many were marked.
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
                for job in try await Self.settle(step.organization, on: connection) {
                    enqueued.append(try await queue.enqueue(job, on: connection))
                }
                return enqueued
            }
            marked += 1
        }
        return marked
    }

    private func recover(_ body: (PostgresConnection) async throws -> [EnqueuedJob]) async throws {
        await queue.push(try await control.transaction(body))
    }
}

extension MissingJobStore.Step {
    fileprivate func reason(_ what: String) -> String { lastError ?? "the job of the \(what) was deleted" }
}
