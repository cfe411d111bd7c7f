internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Whether a tenant's schema has the tables that the sync needs.
struct SchemaHealthStore: Sendable {
    private static let needed = ["_hcmeta", "_trigger_log", "_trigger_log_archive"]

    /// The missing tables, sorted by name.
    ///
    /// - Parameter mapped: names of the imported tables.
    func missingTables(
        of schema: String, mapped: [String], on connection: PostgresConnection
    ) async throws -> [String] {
        try await connection.query(
            """
            select n.name from unnest(\(Self.needed + mapped)::text[]) as n (name)
            where not exists (
                select from pg_catalog.pg_class c join pg_catalog.pg_namespace s on s.oid = c.relnamespace
                where s.nspname = \(schema) and c.relname = n.name)
            order by n.name
            """
        ).column()
    }

    /// The columns that tables lack, by mapping. Paused columns, and tables that are missing as a whole, are
    /// left out.
    func lostColumns(
        of tables: [SyncedTable], on connection: PostgresConnection
    ) async throws -> [UUID: [String]] {
        let wanted = tables.flatMap { table in table.storedColumns.map { (table, $0.name) } }
        guard !wanted.isEmpty else { return [:] }
        let rows = try await connection.query(
            """
            select w.mapping_id, w.column_name
            from unnest(\(wanted.map(\.0.mapping.id))::uuid[], \(wanted.map(\.0.schema))::text[],
              \(wanted.map(\.0.plan.table))::text[], \(wanted.map(\.1))::text[])
              as w (mapping_id, schema_name, table_name, column_name)
            join pg_catalog.pg_namespace n on n.nspname = w.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.table_name
            where not exists (
                select from pg_catalog.pg_attribute a
                where a.attrelid = c.oid and a.attname = w.column_name and not a.attisdropped)
            order by w.mapping_id, w.column_name
            """)
        var lost: [UUID: [String]] = [:]
        for row in rows { lost[try row["mapping_id"], default: []].append(try row["column_name"]) }
        return lost
    }

    /// The mappings whose table has no index of `sfid`.
    func withoutKey(_ tables: [SyncedTable], on connection: PostgresConnection) async throws -> Set<UUID> {
        let found: [UUID] = try await connection.query(
            """
            select w.mapping_id
            from unnest(\(tables.map(\.mapping.id))::uuid[], \(tables.map(\.schema))::text[],
              \(tables.map(\.plan.table))::text[]) as w (mapping_id, schema_name, table_name)
            join pg_catalog.pg_namespace n on n.nspname = w.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.table_name
            join pg_catalog.pg_attribute a
              on a.attrelid = c.oid and a.attname = 'sfid' and not a.attisdropped
            where not exists (
                select from pg_catalog.pg_index x where x.indrelid = c.oid and x.indkey[0] = a.attnum)
            """
        ).column()
        return Set(found)
    }

    /// The mappings whose users' changes are not captured: those whose table has lost a trigger, and those
    /// with a trigger that somebody has disabled.
    func uncaptured(
        _ tables: [SyncedTable], on connection: PostgresConnection
    ) async throws -> (lost: Set<UUID>, disabled: Set<UUID>) {
        let wanted = tables.flatMap { table in TenantDDL.triggers(of: table.plan.table).map { (table, $0) } }
        let rows = try await connection.query(
            """
            select w.mapping_id, t.oid is null as is_lost
            from unnest(\(wanted.map(\.0.mapping.id))::uuid[], \(wanted.map(\.0.schema))::text[],
              \(wanted.map(\.0.plan.table))::text[], \(wanted.map(\.1))::text[])
              as w (mapping_id, schema_name, table_name, trigger_name)
            join pg_catalog.pg_namespace n on n.nspname = w.schema_name
            join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.table_name
            left join pg_catalog.pg_trigger t on t.tgrelid = c.oid and t.tgname = w.trigger_name
            where t.oid is null or t.tgenabled not in ('O', 'A')
            """)
        var found: (lost: Set<UUID>, disabled: Set<UUID>) = ([], [])
        for row in rows {
            if try row["is_lost"] {
                found.lost.insert(try row["mapping_id"])
            } else {
                found.disabled.insert(try row["mapping_id"])
            }
        }
        return found
    }
}
