/// The record of applied migrations: the table `migrations` in their schema.
struct MigrationStore {
    let connection: PostgresConnection
    let schema: String

    /// Held for the session, also during migrations without a transaction. False: another session holds it.
    func tryLock() async throws -> Bool {
        try await connection.query("select pg_try_advisory_lock(\(raw: lockKey))").scalar()
    }

    func unlock() async throws {
        try await connection.execute("select pg_advisory_unlock(\(raw: lockKey))")
    }

    /// One key for each schema, so that cells in one database do not wait for each other.
    private var lockKey: String {
        "hashtextextended(\(SQL.quote(literal: "migrations of " + schema)), 0)"
    }

    /// Checks first: `create schema if not exists` requires the right to create even if the schema exists.
    func prepare() async throws {
        let exists: Bool = try await connection.query(
            "select exists (select from pg_namespace where nspname = \(schema))"
        ).scalar()
        if !exists { try await connection.execute("create schema \(identifier: schema)") }
        guard try await !hasTable() else { return }
        try await connection.execute(
            """
            create table \(identifier: schema, "migrations") (
                version integer primary key,
                name text not null,
                checksum text not null,
                applied_at timestamptz not null default clock_timestamp()
            )
            """)
    }

    func hasTable() async throws -> Bool {
        try await connection.query(
            """
            select exists (
                select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = \(schema) and c.relname = 'migrations')
            """
        ).scalar()
    }

    func applied() async throws -> [AppliedMigration] {
        guard try await hasTable() else { return [] }
        let rows = try await connection.query(
            "select version, name, checksum from \(identifier: schema, "migrations") order by version")
        return try rows.map { row in
            AppliedMigration(
                version: try row["version"], name: try row["name"], checksum: try row["checksum"])
        }
    }

    /// SHA-256 in hexadecimal, computed by the server.
    func checksums(of migrations: [Migration]) async throws -> [String] {
        let texts = migrations.map(\.text)
        return try await connection.query(
            """
            select encode(sha256(convert_to(t.text, 'UTF8')), 'hex')
            from unnest(\(texts)::text[]) with ordinality as t (text, position) order by position
            """
        ).column()
    }

    func record(_ migration: Migration, checksum: String) async throws {
        try await connection.execute(
            """
            insert into \(identifier: schema, "migrations") (version, name, checksum)
            values (\(migration.version), \(migration.name), \(checksum))
            """)
    }
}
