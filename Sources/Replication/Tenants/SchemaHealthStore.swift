internal import Postgres

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
}
