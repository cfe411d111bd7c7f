import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Postgres
import Replication
import Salesforce
import TenantAdmin

/// Finds the tenants that pages name and that operators type.
struct TenantLookup: Sendable {
    let pool: PostgresPool

    /// The tenants of jobs, pauses and weights, by id.
    func organizations(
        _ jobs: [JobSummary], _ pauses: [JobPause] = [], _ weights: [TenantWeight] = []
    ) async throws -> [UUID: Organization] {
        var ids = Set(jobs.compactMap(\.organizationID) + weights.map(\.organizationID))
        for pause in pauses { if case .tenant(let id) = pause.scope { ids.insert(id) } }
        return try await organizations(ids: Array(ids))
    }

    /// Tenants by id.
    func organizations(ids: [UUID]) async throws -> [UUID: Organization] {
        guard !ids.isEmpty else { return [:] }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(ids: Set(ids)) }
    }

    /// The objects of the mappings that jobs are about, by the job's id.
    func objects(_ jobs: [JobSummary]) async throws -> [JobID: String] {
        let mappings = jobs.compactMap { job in
            (try? job.arguments?.decode(0, as: UUID.self)).map { (job.id, $0) }
        }
        guard !mappings.isEmpty else { return [:] }
        let names = try await pool.withConnection {
            try await MappingStore().objects(of: Set(mappings.map(\.1)), on: $0)
        }
        return Dictionary(mappings.compactMap { id, mapping in names[mapping].map { (id, $0) } }) {
            first, _ in first
        }
    }

    /// The id of a tenant, from its UUID or its org id. A UUID need not exist: jobs outlive their tenant.
    func id(_ text: String) async throws -> UUID? {
        if let id = UUID(uuidString: text) { return id }
        guard let organization = try? OrganizationID(text) else { return nil }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }?.id
    }

    /// Like `id`, also from a part of the name that no other tenant has.
    func search(_ text: String) async throws -> UUID? {
        if let id = try await id(text) { return id }
        var filter = TenantFilter()
        filter.search = text
        let found = try await pool.withConnection { [filter] in
            try await TenantOverviewStore().page(filter, order: .name, limit: 2, on: $0)
        }.tenants
        return found.count == 1 ? found[0].organization.id : nil
    }

    /// Like `id`, for a tenant that exists.
    func existing(_ text: String) async throws -> UUID? {
        guard let id = try await id(text) else { return nil }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(id: id) }?.id
    }
}
