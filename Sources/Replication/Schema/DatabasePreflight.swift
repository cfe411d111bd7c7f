package import Postgres
internal import TenantSchema

/// Whether a tenant's database allows its schema, without changing anything.
package struct DatabasePreflight: Sendable {
    private let database: TenantDatabase

    package init(tenant: Tenant, cell: PostgresPool) {
        database = TenantDatabase(tenant: tenant, pool: cell)
    }

    /// Everything that is missing, as sentences for operators.
    package func obstacles() async throws -> [String] {
        let facts = try await database.pool.withCellConnection { try await database.facts(on: $0) }
        var obstacles = facts.obstacles(schema: database.tenant.schema)
        if facts.hstoreSchema == nil { obstacles.append("the extension hstore is not installed") }
        return obstacles
    }
}
