internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// The tenant and the mapping for which a job starts.
struct MappingStart: Sendable {
    let tenant: Tenant
    let mapping: Mapping

    /// Nil while the tenant or the mapping is paused. Throws `.notFound`, and `.givenUp` if the tenant has no
    /// consent.
    static func read(_ mappingID: UUID, from control: PostgresPool) async throws -> MappingStart? {
        let (tenant, mapping) = try await control.withConnection { connection in
            let mapping = try await MappingStore().mapping(mappingID, on: connection)
            let organization = try await OrganizationStore(on: connection).get(id: mapping.organizationID)
            return (Tenant(organization), mapping)
        }
        switch tenant.work {
        case .allowed: return mapping.isPaused ? nil : MappingStart(tenant: tenant, mapping: mapping)
        case .postponed: return nil
        case .over: throw tenant.refusal
        }
    }
}
