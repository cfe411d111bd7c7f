internal import Postgres
internal import TenantSchema

extension TableShape {
    /// Reads the catalog. A missing table has no columns.
    init(of plan: ImportPlan, on connection: PostgresConnection) async throws {
        try await self.init(of: plan.tableName, in: plan.schema, on: connection)
    }

    /// Reads the catalog. A missing table has no columns.
    init(of table: String, in schema: String, on connection: PostgresConnection) async throws {
        let columns = try await connection.query(
            """
            select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type
            from pg_attribute a join pg_class c on c.oid = a.attrelid
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = \(schema) and c.relname = \(table)
              and a.attnum > 0 and not a.attisdropped
            """)
        var types: [String: ColumnType] = [:]
        for row in columns { types[try row["name"]] = ColumnType(catalog: try row["type"]) }
        let indexes: [String] = try await connection.query(
            """
            select i.relname::text from pg_namespace n
            join pg_class c on c.relnamespace = n.oid and c.relname = \(table)
            join pg_index x on x.indrelid = c.oid join pg_class i on i.oid = x.indexrelid
            where n.nspname = \(schema)
            """
        ).column()
        let triggers = TenantDDL.triggers(of: table)
        let present: Int = try await connection.query(
            """
            select count(*) from pg_namespace n
            join pg_class c on c.relnamespace = n.oid and c.relname = \(table)
            join pg_trigger t on t.tgrelid = c.oid and t.tgname = any (\(triggers)::text[])
            where n.nspname = \(schema)
            """
        ).scalar()
        self.init(
            types: types, indexes: Set(indexes),
            isCaptured: present == triggers.count)
    }
}
