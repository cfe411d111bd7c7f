internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Whether the table of a mapping that is not imported yet may be filled.
struct VacancyCheck: Sendable {
    let tenant: Tenant
    let cell: PostgresPool

    /// Throws `.tableObstructed` if the plan's table has records of a mapping that was removed: an import
    /// would find each of them twice.
    func check(_ plan: TablePlan, for mapping: UUID) async throws {
        let isOccupied = try await cell.withCellConnection { connection -> Bool in
            if try await ImportStore().hasBegun(mapping, on: connection) { return false }
            let name = "\(SQL.quote(identifier: tenant.schema)).\(SQL.quote(identifier: plan.table))"
            let exists: Bool = try await connection.query("select to_regclass(\(name)) is not null").scalar()
            guard exists else { return false }
            return try await connection.query(
                "select exists (select from \(raw: name) where sfid is not null)"
            ).scalar()
        }
        guard isOccupied else { return }
        throw ReplicationError(
            .tableObstructed,
            "\(tenant.schema).\(plan.table) has the rows of a removed mapping: rename or drop it, then retry")
    }
}
