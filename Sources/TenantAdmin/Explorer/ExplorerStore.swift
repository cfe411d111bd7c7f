import FoundationEssentials
package import Postgres

/// Reads a tenant's table for an operator, in read-only transactions with a limited time. Long values are
/// cut.
package struct ExplorerStore: Sendable {
    private let schema: String
    private let table: String

    /// - Parameter table: one that a mapping of the tenant names.
    package init(schema: String, table: String) {
        self.schema = schema
        self.table = table
    }

    private static let systemColumns = ["id", "sfid", "_hc_lastop", "_hc_err"]
    /// Columns of the list come from these first.
    private static let telling = ["name", "lastname", "subject", "title", "email", "status"]

    /// A page of rows, the newest `id` first. Throws `.slowQuery` if a condition without an index takes too
    /// long.
    package func rows(_ filter: ExplorerFilter, on connection: PostgresConnection) async throws
        -> ExplorerRows
    {
        try await reading(connection) { connection in
            let columns = Array(
                try await columns(on: connection).prefix(TenantAdminLimits.explorerColumns))
            let limit = TenantAdminLimits.explorerRows
            let found = try await select(
                columns, cut: TenantAdminLimits.listedValueCharacters, where: Self.condition(filter),
                limit: limit + 1, on: connection)
            let shown = Array(found.prefix(limit))
            let waiting = try await waiting(shown.map(\.id), on: connection)
            return ExplorerRows(
                columns: columns,
                rows: shown.map { row in
                    ExplorerRows.Row(
                        id: row.id, sfid: row.sfid, lastOperation: row.lastOperation, error: row.error,
                        waiting: waiting[row.id] ?? 0, values: row.values)
                }, next: found.count > limit ? shown.last?.id : nil)
        }
    }

    /// One row; nil if there is none with this `id`.
    package func record(_ id: Int, on connection: PostgresConnection) async throws -> ExplorerRecord? {
        try await reading(connection) { connection in
            let columns = try await columns(on: connection)
            let found = try await select(
                columns, cut: TenantAdminLimits.shownValueCharacters, where: "id = \(id)", limit: 1,
                on: connection)
            guard let row = found.first else { return nil }
            return ExplorerRecord(
                columns: columns, row: row, entries: try await entries(of: id, on: connection))
        }
    }

    private func reading<Value: Sendable>(
        _ connection: PostgresConnection,
        _ body: @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let seconds = TenantAdminLimits.explorerStatement.components.seconds
        do {
            return try await connection.transaction { connection in
                try await connection.script(
                    """
                    set transaction read only;
                    set local statement_timeout = '\(seconds)s';
                    set local lock_timeout = '1s'
                    """)
                return try await body(connection)
            }
        } catch let error as PostgresError where error.sqlState == .queryCancelled {
            throw TenantAdminError(
                .slowQuery,
                "the table is too large to search for this: search by id or sfid, which have indexes")
        } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
            throw TenantAdminError(.slowQuery, "the table is locked by another session: try again")
        }
    }

    private static func condition(_ filter: ExplorerFilter) -> SQL {
        var conditions: [SQL] = ["true"]
        if let sfid = filter.sfid { conditions.append("sfid = \(sfid)") }
        if let id = filter.id { conditions.append("id = \(id)") }
        if let operation = filter.lastOperation { conditions.append("_hc_lastop = \(operation)") }
        if filter.hasError { conditions.append("_hc_err is not null") }
        if let before = filter.before { conditions.append("id < \(before)") }
        return conditions.joined(separator: " and ")
    }

    /// The table's columns without those of Multiconnect, telling ones first.
    private func columns(on connection: PostgresConnection) async throws -> [String] {
        let name = "\(SQL.quote(identifier: schema)).\(SQL.quote(identifier: table))"
        return try await connection.query(
            """
            select a.attname::text from pg_attribute a where a.attrelid = to_regclass(\(name))
                and a.attnum > 0 and not a.attisdropped and a.attname <> all (\(Self.systemColumns)::text[])
            order by array_position(\(Self.telling)::text[], a.attname::text), a.attname
            """
        ).column()
    }

    private func select(
        _ columns: [String], cut: Int, where condition: SQL, limit: Int, on connection: PostgresConnection
    ) async throws -> [ExplorerRows.Row] {
        let values = columns.map { name -> SQL in ", left(\(identifier: name)::text, \(raw: String(cut)))" }
        let found = try await connection.query(
            """
            select id, sfid, _hc_lastop, left(_hc_err, \(cut)) as error \(values.joined(separator: ""))
            from \(identifier: schema, table) where \(condition) order by id desc limit \(limit)
            """)
        return try found.map { row in
            ExplorerRows.Row(
                id: try row[0], sfid: try row[1], lastOperation: try row[2], error: try row[3], waiting: 0,
                values: try columns.indices.map { try row[$0 + 4, as: String?.self] })
        }
    }

    /// The number of open log entries by row.
    private func waiting(_ ids: [Int], on connection: PostgresConnection) async throws -> [Int: Int] {
        let found = try await connection.query(
            """
            select record_id, count(*) as count from \(identifier: schema, "_trigger_log")
            where record_id = any (\(ids)::int[]) and table_name = \(table)
                and state in ('NEW', 'PENDING', 'REQUEUE', 'FAILED')
            group by record_id
            """)
        return try Dictionary(found.map { (try $0["record_id"], try $0["count"]) }) { first, _ in first }
    }

    private func entries(
        of id: Int, on connection: PostgresConnection
    ) async throws -> [ExplorerRecord.Entry] {
        let cut = TenantAdminLimits.shownValueCharacters
        return try await connection.query(
            """
            select id, action, state, created_at, left(sf_message, \(cut)) as message,
                left("values", \(cut)) as "values"
            from (
                select * from \(identifier: schema, "_trigger_log") where record_id = \(id)
                union all
                select * from \(identifier: schema, "_trigger_log_archive") where record_id = \(id)
            ) as entries where table_name = \(table)
            order by id desc limit \(TenantAdminLimits.explorerEntries)
            """
        ).map { row in
            ExplorerRecord.Entry(
                id: try row["id"], action: try row["action"] ?? "", state: try row["state"] ?? "",
                createdAt: try row["created_at"], message: try row["message"], values: try row["values"])
        }
    }
}
