import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Postgres
import Salesforce

/// Finds the tenants that pages name and that operators type.
struct TenantLookup: Sendable {
    let pool: PostgresPool

    /// The tenants of jobs, pauses and weights, by id.
    func organizations(
        _ jobs: [JobSummary], _ pauses: [JobPause] = [], _ weights: [TenantWeight] = []
    ) async throws -> [UUID: Organization] {
        var ids = Set(jobs.compactMap(\.organizationID) + weights.map(\.organizationID))
        for pause in pauses { if case .tenant(let id) = pause.scope { ids.insert(id) } }
        guard !ids.isEmpty else { return [:] }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(ids: ids) }
    }

    /// The id of a tenant, from its UUID or its org id. A UUID need not exist: jobs outlive their tenant.
    func id(_ text: String) async throws -> UUID? {
        if let id = UUID(uuidString: text) { return id }
        guard let organization = try? OrganizationID(text) else { return nil }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }?.id
    }

    /// Like `id`, for a tenant that exists.
    func existing(_ text: String) async throws -> UUID? {
        guard let id = try await id(text) else { return nil }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(id: id) }?.id
    }
}
