package import Postgres
package import TenantSchema

/// Brings the system tables and functions of an existing tenant to the present layout.
package struct TenantUpgrade: Sendable {
    private let database: TenantDatabase

    package init(_ tenant: Tenant, _ pool: PostgresPool) {
        database = TenantDatabase(tenant: tenant, pool: pool)
    }

    /// Upgrades the tenant if its layout is older. Waits for `ReplicationLimits.lockTimeout` for the locks of
    /// the system tables: the application's writes queue behind it. Returns true if it changed something.
    package func run(_ plans: [TablePlan]) async throws -> Bool {
        guard try await database.pool.withCellConnection({ try await isOutdated(on: $0) }) else {
            return false
        }
        let ddl = try await database.preflight()
        try await database.run(ddl.upgrade(plans)) { try await !isOutdated(on: $0) }
        return true
    }

    private func isOutdated(on connection: PostgresConnection) async throws -> Bool {
        guard let version = try await version(on: connection) else { return false }
        return version < TenantDDL.layoutVersion
    }

    /// The layout of the tenant. Nil if the tenant is not provisioned.
    private func version(on connection: PostgresConnection) async throws -> Int? {
        let meta = "\(Identifier.quoted(database.tenant.schema))._hcmeta"
        let exists: Bool = try await connection.query(
            "select to_regclass(\(meta)::text) is not null"
        ).scalar()
        guard exists else { return nil }
        return try await connection.query(
            "select coalesce(min(hcver), 0) as version from \(raw: meta)"
        ).scalar(as: Int.self)
    }
}
