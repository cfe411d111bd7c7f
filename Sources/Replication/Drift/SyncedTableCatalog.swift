internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Loads the tables of a tenant that changes are written to.
package struct SyncedTableCatalog: Sendable {
    private let services: ReplicationServices

    package init(_ services: ReplicationServices) {
        self.services = services
    }

    /// The imported tables of a tenant. A table that was imported by a version without stored plans, or with
    /// another format of them, is planned again from the org's describe; a table that cannot be planned now
    /// is left out. Columns that the database lacks are paused.
    package func tables(of tenant: Tenant) async throws -> [SyncedTable] {
        let mappings = try await services.control.withConnection {
            try await MappingStore().mappings(of: tenant.connectionID, on: $0)
        }.filter(\.isImported)
        let cell = try services.cell(of: tenant)
        let store = SyncedTableStore()
        var tables = try await cell.withCellConnection {
            try await store.tables(of: tenant.id, mappings, on: $0)
        }
        let known = Set(tables.map(\.mapping.id))
        for mapping in mappings where !known.contains(mapping.id) {
            guard let table = try await plan(mapping, tenant) else { continue }
            try await save(table, cell)
            tables.append(table)
        }
        try await pauseLost(&tables, cell)
        return tables
    }

    private func pauseLost(_ tables: inout [SyncedTable], _ cell: PostgresPool) async throws {
        let lost = try await cell.withCellConnection { [tables] in
            try await SchemaHealthStore().lostColumns(of: tables, on: $0)
        }
        for index in tables.indices { tables[index].pauseLost(lost[tables[index].mapping.id] ?? []) }
    }

    /// The table of a mapping as it is now. Nil if the mapping is removed or not imported.
    func table(of mapping: UUID, _ tenant: Tenant) async throws -> SyncedTable? {
        let mappings = try await services.control.withConnection {
            try await MappingStore().mappings(of: tenant.connectionID, on: $0)
        }
        guard let mapping = mappings.first(where: { $0.id == mapping && $0.isImported }) else { return nil }
        let cell = try services.cell(of: tenant)
        var tables =
            try await cell.withCellConnection {
                try await SyncedTableStore().table(of: mapping, on: $0)
            }.map { [$0] } ?? []
        try await pauseLost(&tables, cell)
        return tables.first
    }

    /// Stores the plan of a table that has none. Versions without stored plans did not read external ids of
    /// parents, so these are filled.
    private func save(_ table: SyncedTable, _ cell: PostgresPool) async throws {
        let unread = table.plan.columns.filter { $0.parent != nil && $0.isSelected }.map(\.name)
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await SyncedTableStore().save(table, on: connection)
            try await DriftStore().requestBackfill(unread, of: table.mapping, on: connection)
        }
    }

    /// Plans the table of a mapping from the org's describe. Columns that the table lacks are left out: they
    /// are added and filled by the next check of the schema. Nil if the object or the table is gone.
    package func plan(_ mapping: Mapping, _ tenant: Tenant) async throws -> SyncedTable? {
        let rest = services.sessions.rest(for: tenant.id, CallPurpose(.describe, mapping.objectName))
        let found = try await ObjectLookup(rest: rest, resolver: services.settings.resolver).plan(mapping)
        guard found.isUsable, var plan = found.plan else { return nil }
        let cell = try services.cell(of: tenant)
        let shape = try await cell.withCellConnection {
            try await TableShape(of: plan.table, in: tenant.schema, on: $0)
        }
        guard shape.types["sfid"] != nil else { return nil }
        plan.keep { shape.types[$0.name] != nil }
        return SyncedTable(mapping: mapping, schema: tenant.schema, plan: plan)
    }
}
