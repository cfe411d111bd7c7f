internal import FoundationEssentials
internal import Jobs
internal import Postgres
internal import TenantSchema

/// Takes over a table that has records already: its mapping was removed and is back, or the control database
/// is an older backup that does not know the mapping which filled it. The import then merges all records of
/// the org into the table, as a reload does: a COPY would find each of them twice.
struct TableAdoption: Sendable {
    let tenant: Tenant
    let cell: PostgresPool

    /// True if the plan's table has records, and no import of the mapping has begun to fill it.
    func isNeeded(for plan: TablePlan, of mapping: UUID) async throws -> Bool {
        try await cell.withCellConnection { connection in
            if try await ImportStore().hasBegun(mapping, on: connection) { return false }
            let name = "\(SQL.quote(identifier: tenant.schema)).\(SQL.quote(identifier: plan.table))"
            let exists: Bool = try await connection.query("select to_regclass(\(name)) is not null").scalar()
            guard exists else { return false }
            return try await connection.query(
                "select exists (select from \(raw: name) where sfid is not null)"
            ).scalar()
        }
    }

    /// Brings the table to the plan, so that users' changes are captured from here on. Columns that the
    /// database refuses to change are paused. Each step can be repeated.
    ///
    /// - Parameter timeMark: changes from this time on are read after the import. Salesforce's clock.
    func run(
        _ mapping: Mapping, _ plan: TablePlan, _ ddl: TenantDDL, timeMark: Date, resolver: NameResolver,
        _ job: JobContext
    ) async throws -> TableAlteration.Report {
        // The former mapping's functions, if they are there, can have another access.
        try await TenantDatabase(tenant: tenant, pool: cell).run(ddl.capture(plan)) { _ in
            try await job.confirmClaim()
            return false
        }
        let shape = try await cell.withCellConnection {
            try await TableShape(of: plan.table, in: tenant.schema, on: $0)
        }
        var present = plan
        present.indexes.removeAll { !shape.indexes.contains($0.name) }
        let table = SyncedTable(mapping: mapping, schema: tenant.schema, plan: present)
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await job.confirmClaim()
            let former = try await AdoptionStore().takeOver(
                plan.table, in: tenant.schema, by: mapping, on: connection)
            let removal = MappingRemovalStore(organization: tenant.id, schema: tenant.schema)
            for id in former { try await removal.forget(id, on: connection) }
            try await SyncedTableStore().save(table, on: connection)
            try await ImportStore().setPosition(of: mapping, timeMark, on: connection)
        }
        return try await TableAlteration(
            cell: cell, tenant: tenant, resolver: resolver, fence: { _ in try await job.confirmClaim() }
        ).run(table, to: plan, ddl)
    }
}
