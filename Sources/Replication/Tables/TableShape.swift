internal import Postgres

/// A tenant's table as the database has it. It can differ from its plan: columns that were widened, indexes that the
/// rows did not allow, and what others did to it.
struct TableShape: Sendable, Equatable {
    /// By column.
    var types: [String: ColumnType]
    var indexes: Set<String>

    init(types: [String: ColumnType], indexes: Set<String>) {
        self.types = types
        self.indexes = indexes
    }

    /// Reads the catalog; a table that is not there has no columns.
    init(of plan: ImportPlan, on connection: PostgresConnection) async throws {
        let columns = try await connection.query(
            """
            select a.attname::text as name, format_type(a.atttypid, a.atttypmod) as type
            from pg_attribute a join pg_class c on c.oid = a.attrelid
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = \(plan.schema) and c.relname = \(plan.tableName)
              and a.attnum > 0 and not a.attisdropped
            """)
        var types: [String: ColumnType] = [:]
        for row in columns { types[try row["name"]] = ColumnType(catalog: try row["type"]) }
        let indexes: [String] = try await connection.query(
            """
            select indexname::text from pg_indexes
            where schemaname = \(plan.schema) and tablename = \(plan.tableName)
            """
        ).column()
        self.init(types: types, indexes: Set(indexes))
    }

    /// In words for operators, what differs from the plan because values of the org did not fit.
    func differences(from plan: ImportPlan) -> [String] {
        let widened = zip(plan.columns, plan.types).compactMap { name, planned -> String? in
            guard let type = types[name], planned.isWidened(by: type) else { return nil }
            return "the column \(name) is \(type.sql) instead of \(planned.sql), because of larger values"
        }
        let changed = plan.indexes.compactMap { index -> String? in
            if indexes.contains(index.name) { return nil }
            guard index.isUnique, indexes.contains(index.plainName) else {
                return "the index \(index.name) is left out, because a value is too long for it"
            }
            return
                "the index \(index.name) is not unique and called \(index.plainName), because values repeat"
        }
        return widened + changed
    }
}
