internal import FoundationEssentials
internal import Jobs
internal import Organizations
internal import Postgres

/// Keeps a tenant's status in step with its mappings, in the transaction that changes one of them.
///
/// Each function locks the organization first: of several imports that end at the same time exactly one sees
/// that it is the last, and no two transactions wait for each other.
enum TenantStatus {
    /// Sets the status of an importing tenant from its mappings. Returns the jobs that follow.
    static func settle(_ organization: UUID, on connection: PostgresConnection) async throws -> [NewJob] {
        let store = OrganizationStore(on: connection)
        // The provisioning sets its tenant's status itself when it ends.
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

    /// Begins the import of a mapping in error again; its tenant becomes importing.
    static func reopen(
        _ mapping: UUID, of organization: UUID, on connection: PostgresConnection
    ) async throws {
        guard let tenant = try await OrganizationStore(on: connection).lock(id: organization) else { return }
        try await MappingStore().reopen(mapping, on: connection)
        let progress = try await MappingStore().progress(of: organization, on: connection)
        try await showDetail(progress, of: tenant, on: connection)
        try await restart(organization, as: .importing, from: [.failed, .live], on: connection)
    }

    /// Moves a tenant from one of the statuses `from` to `status`, because its work begins again. A live
    /// tenant becomes importing only if a mapping is unfinished.
    static func restart(
        _ organization: UUID, as status: OrganizationStatus, from: Set<OrganizationStatus>,
        on connection: PostgresConnection
    ) async throws {
        let store = OrganizationStore(on: connection)
        guard let tenant = try await store.lock(id: organization), from.contains(tenant.status) else {
            return
        }
        let progress = try await MappingStore().progress(of: organization, on: connection)
        guard tenant.status == .failed || progress.verdict == .importing else { return }
        try await store.setStatus(
            organization, to: status, detail: status == .importing ? progress.detail : nil)
    }
}
