internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Organizations
internal import Postgres
internal import TenantSchema

/// Runs `RemoveMappingJob`: ends the sync of one object. The table stays with its rows, as an ordinary table,
/// or is dropped.
///
/// First the triggers end, so that no change is captured that nobody would send. Then the mapping goes, and
/// with the tenant's lease its place in the memory of the lease holder. Each step can be repeated.
struct MappingRemover: Sendable {
    let services: ReplicationServices

    init(_ services: ReplicationServices) {
        self.services = services
    }

    func run(_ id: UUID, _ job: JobContext) async throws -> JobOutcome {
        guard let organizationID = job.organizationID else {
            throw ReplicationError(.notFound, "the job names no tenant")
        }
        let actor = try job.argument(1, as: String.self)
        let isDropped = try job.argument(2, as: Bool.self)
        let (organization, mapping, table) = try await services.control.withConnection { connection in
            let organization = try await OrganizationStore(on: connection).get(id: organizationID)
            let mapping = try await MappingStore().mappings(of: organization.connectionID, on: connection)
                .first { $0.id == id }
            let table = try await MappingPauseStore().summaries(of: organizationID, on: connection)
                .first { $0.id == id }?.table
            return (organization, mapping, table)
        }
        let tenant = Tenant(organization)
        let cell = try services.cell(of: tenant)
        let store = MappingRemovalStore(organization: tenant.id, schema: tenant.schema)
        if let mapping {
            if let table {
                try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
                    try await job.confirmClaim()
                    try await store.release(table, isDropped: isDropped, on: $0)
                }
            }
            try await remove(mapping, tenant, isDropped ? "with its table" : nil, actor, job)
        }
        // An earlier start can have ended before this.
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            try await TenantFenceStore(organization: tenant.id).close(on: $0)
            try await store.forget(id, on: $0)
        }
        return .done
    }

    private func remove(
        _ mapping: Mapping, _ tenant: Tenant, _ note: String?, _ actor: String, _ job: JobContext
    ) async throws {
        try await services.control.transaction { connection in
            let found = try await OrganizationStore(on: connection).lock(id: tenant.id)
            try await MappingStore().delete(mapping.id, on: connection)
            try await ActivityStore(on: connection).add(
                "mapping_removed", by: actor, organization: tenant.id,
                detail: [mapping.objectName, note].compactMap(\.self).joined(separator: " "))
            try await NotificationStore(on: connection).resolveAll(
                of: tenant.id, subject: mapping.objectName, by: actor)
            guard let status = found?.status, [.importing, .failed].contains(status) else { return }
            // The mapping was perhaps the last one to import.
            try await TenantStatus.restart(tenant.id, as: .importing, from: [.failed], on: connection)
            for next in try await TenantStatus.settle(tenant.id, on: connection) {
                _ = try await job.enqueue(next, on: connection)
            }
        }
    }
}
