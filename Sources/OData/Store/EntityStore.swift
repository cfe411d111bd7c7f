import Postgres
import TenantAdmin

/// Reads and changes the rows of one table of a tenant. Names are those of the table's columns, and values
/// are parameters.
struct EntityStore {
    let schema: String
    let table: ODataTable
    /// The longest statement.
    let time: Duration

    private var relation: SQL { "\(identifier: schema, table.name)" }
    private var deadline: ContinuousClock.Instant { .now + time }

    /// Rows with their values as Postgres's text.
    struct Page {
        let rows: Rows
        /// The columns of `rows`: the selected ones, and those of order and key.
        let columns: [ODataColumn]
    }

    /// A condition that all entities of a query meet, wherever its page begins.
    func condition(_ query: EntityQuery) throws(ODataError) -> SQL {
        var conditions: [SQL] = []
        if let filter = query.filter { conditions.append(try FilterCondition(table).condition(filter)) }
        if let search = query.search { conditions.append(searched(search)) }
        return conditions.isEmpty ? "true" : conditions.joined(separator: " and ")
    }

    func count(where condition: SQL, on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            "select count(*) from \(relation) where \(condition)", deadline: deadline
        ).scalar()
    }

    /// The rows behind `token`, at most `limit`.
    func page(
        _ query: EntityQuery, where condition: SQL, after token: PageToken?, skip: Int, limit: Int,
        on connection: PostgresConnection
    ) async throws -> Page {
        let columns = columns(of: query)
        var conditions = [condition]
        if let token { conditions.append(Self.behind(token, query.order)) }
        let skipped: SQL = skip > 0 ? " offset \(skip)" : ""
        let rows = try await connection.query(
            """
            select \(Self.list(columns)) from \(relation) where \(conditions.joined(separator: " and "))
            order by \(query.order.map(Self.order).joined(separator: ", ")) limit \(limit)\(skipped)
            """, deadline: deadline)
        return Page(rows: rows, columns: columns)
    }

    /// The row with a key. It has all columns of `columns(of:)`.
    func row(
        _ key: [String], _ query: EntityQuery, on connection: PostgresConnection
    ) async throws -> Page {
        let columns = columns(of: query)
        let rows = try await connection.query(
            "select \(Self.list(columns)) from \(relation) where \(isRow(key))", deadline: deadline)
        return Page(rows: rows, columns: columns)
    }

    func columns(of query: EntityQuery) -> [ODataColumn] {
        let hidden = query.order.map(\.column).filter { !query.selected.contains($0) }
        return query.selected + hidden
    }

    private static func list(_ columns: [ODataColumn]) -> SQL {
        columns.map { column -> SQL in "\(identifier: column.name)" }.joined(separator: ", ")
    }

    /// The value null is the least (OData 4.0, part 1, section 11.2.5.2). Postgres takes it for the greatest.
    private static func order(_ order: EntityQuery.Order) -> SQL {
        let name: SQL = "\(identifier: order.column.name)"
        let direction: SQL = order.isDescending ? " desc" : ""
        guard order.column.isNullable else { return name + direction }
        return name + direction + (order.isDescending ? " nulls last" : " nulls first")
    }

    /// The rows behind the one with these values: one alternative for each property, in which those before
    /// it are equal.
    private static func behind(_ token: PageToken, _ order: [EntityQuery.Order]) -> SQL {
        var alternatives: [SQL] = []
        var equal: [SQL] = []
        for (order, value) in zip(order, token.values) {
            let name: SQL = "\(identifier: order.column.name)"
            let behind: SQL?
            if let value {
                let parameter = cast(value, order.column.kind)
                let isBehind: SQL =
                    order.isDescending ? "\(name) < \(parameter)" : "\(name) > \(parameter)"
                behind =
                    order.isDescending && order.column.isNullable
                    ? "(\(isBehind) or \(name) is null)" : isBehind
                alternatives.append((equal + [behind ?? isBehind]).joined(separator: " and "))
                equal.append("\(name) = \(parameter)")
            } else {
                if !order.isDescending {
                    alternatives.append((equal + ["\(name) is not null"]).joined(separator: " and "))
                }
                equal.append("\(name) is null")
            }
        }
        guard !alternatives.isEmpty else { return "false" }
        return "(\(alternatives.map { "(\($0))" as SQL }.joined(separator: " or ")))"
    }

    private func isRow(_ key: [String]) -> SQL {
        zip(table.key, key).compactMap { name, value -> SQL? in
            table.column(name).map { "\(identifier: name) = \(Self.cast(value, $0.kind))" }
        }.joined(separator: " and ")
    }

    /// A text as a parameter of a column's type.
    private static func cast(_ text: String?, _ kind: ODataColumn.Kind) -> SQL {
        switch kind {
        // A cast to varchar(n) would cut the text.
        case .varchar, .character, .text: "\(text)::text"
        case .timestamp: "\(text)::timestamptz::timestamp"
        case .bytes: "\(text)::text::bytea"
        default: "\(text)::\(raw: kind.rawValue)"
        }
    }
}

// Search.
extension EntityStore {
    /// A term is found if one of the texts has it, in any case of letters.
    private func searched(_ search: SearchExpression) -> SQL {
        switch search {
        case .all(let parts): return "(\(parts.map(searched).joined(separator: " and ")))"
        case .any(let parts): return "(\(parts.map(searched).joined(separator: " or ")))"
        case .not(let part): return "((\(searched(part))) is not true)"
        case .term(let term):
            var pattern = ""
            for character in term {
                if character == "%" || character == "_" || character == "\\" { pattern.append("\\") }
                pattern.append(character)
            }
            let texts = table.columns.filter(\.kind.isText)
            guard !texts.isEmpty else { return "false" }
            let found = texts.map { column -> SQL in
                "\(identifier: column.name) ilike \("%\(pattern)%")::text"
            }
            return "(\(found.joined(separator: " or ")))"
        }
    }
}

// Changes. They are statements as an application's, so the tables' triggers capture them.
extension EntityStore {
    /// Returns the new row.
    func insert(
        _ input: EntityInput, _ query: EntityQuery, on connection: PostgresConnection
    ) async throws -> Page {
        let columns = columns(of: query)
        let names = Self.list(input.values.map(\.column))
        let values = input.values.map { Self.cast($0.text, $0.column.kind) }.joined(separator: ", ")
        let target: SQL =
            input.values.isEmpty
            ? "\(relation) default values" : "\(relation) (\(names)) values (\(values))"
        let rows = try await connection.query(
            "insert into \(target) returning \(Self.list(columns))", deadline: deadline)
        return Page(rows: rows, columns: columns)
    }

    /// Returns the changed row; a page without rows if there is none with this key.
    ///
    /// - Parameter isWhole: whether properties that the input does not have get their default.
    func update(
        _ key: [String], _ input: EntityInput, isWhole: Bool, _ query: EntityQuery,
        on connection: PostgresConnection
    ) async throws -> Page {
        var changes = input.values.map { value -> SQL in
            "\(identifier: value.column.name) = \(Self.cast(value.text, value.column.kind))"
        }
        if isWhole {
            let given = Set(input.values.map(\.column.name))
            for column in table.columns
            where !given.contains(column.name) && !column.isReadOnly && !table.key.contains(column.name) {
                changes.append("\(identifier: column.name) = default")
            }
        }
        guard !changes.isEmpty else { return try await row(key, query, on: connection) }
        let columns = columns(of: query)
        let rows = try await connection.query(
            """
            update \(relation) set \(changes.joined(separator: ", ")) where \(isRow(key))
            returning \(Self.list(columns))
            """, deadline: deadline)
        return Page(rows: rows, columns: columns)
    }

    /// False if there is no row with this key.
    func delete(_ key: [String], on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            "delete from \(relation) where \(isRow(key))", deadline: deadline) > 0
    }
}
