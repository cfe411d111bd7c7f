package import Salesforce

/// The query of an import and the statements that load its rows.
package struct ImportPlan: Sendable, Equatable {
    package var objectName: String
    /// The selected fields, in order.
    package var sources: [String]
    /// Their columns, in the same order.
    package var columns: [String]
    package var types: [ColumnType]
    /// The quoted, qualified table.
    package var table: String
    package var schema: String
    /// The table's name, not quoted.
    package var tableName: String
    /// The mapping's indexes without that of `sfid`, which Salesforce keeps unique.
    package var indexes: [TablePlan.Index]
    /// The index of `sfid`.
    package var keyIndex: TablePlan.Index?
    /// The mapping's row filter.
    package var filter: String?

    /// - Parameter names: the columns to read beside `sfid`. Nil: all.
    package init(_ plan: TablePlan, ddl: TenantDDL, columns names: Set<String>? = nil) {
        let read = plan.read.filter { $0.column == "sfid" || names?.contains($0.column) ?? true }
        filter = plan.filter
        objectName = plan.objectName
        sources = read.map(\.source)
        columns = read.map(\.column)
        types = read.map(\.type)
        table = ddl.name(plan)
        schema = ddl.schema
        tableName = plan.table
        indexes = plan.indexes.filter { $0.column != "sfid" }
        keyIndex = plan.indexes.first { $0.column == "sfid" }
    }

    /// `SELECT Id,... FROM Object [WHERE (filter)]`. Without ORDER BY, so that Salesforce can split the
    /// query (PK chunking).
    package func soql() throws(SalesforceError) -> SOQL {
        try filtered(SOQL.select(sources, from: objectName))
    }

    /// `SELECT COUNT() FROM Object [WHERE (filter)]`.
    package func countQuery() throws(SalesforceError) -> SOQL {
        try filtered(SOQL.count(of: objectName))
    }

    private func filtered(_ query: SOQL) throws(SalesforceError) -> SOQL {
        guard let filter else { return query }
        return try query.where(.raw(filter))
    }

    private var columnList: String { columns.map(Identifier.quoted).joined(separator: ", ") }

    /// Loads a page without changing it.
    package var copyStatement: String {
        // Salesforce stores no empty strings: an empty cell is NULL in each column, quoted or not.
        """
        copy \(table) (\(columnList)) from stdin \
        (format csv, header true, encoding 'UTF8', force_null (\(columnList)))
        """
    }

    /// The staged cells in the JSON object `object` as a row `r` of texts.
    package func cells(_ object: String) -> String {
        let list = columns.map { "\(Identifier.quoted($0)) text" }.joined(separator: ", ")
        return "pg_catalog.jsonb_to_record(\(object)) as r(\(list))"
    }

    /// Inserts the rows of texts `r` from `source` with `ColumnType.tolerantCast`.
    ///
    /// - Parameter types: the table's types by column.
    package func insert(from source: String, types: [String: ColumnType]) -> String {
        let values = zip(columns, self.types).map { column, planned in
            (types[column] ?? planned).tolerantCast(of: "r.\(Identifier.quoted(column))")
        }
        return "insert into \(table) (\(columnList)) select \(values.joined(separator: ", ")) from \(source)"
    }
}
