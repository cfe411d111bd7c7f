package import Salesforce

/// What an import asks Salesforce for and how the answer goes into the table.
package struct ImportPlan: Sendable, Equatable {
    package var objectName: String
    /// What SOQL selects, in order.
    package var sources: [String]
    /// The columns they go to, in the same order.
    package var columns: [String]
    package var types: [ColumnType]
    /// The quoted, qualified table.
    package var table: String
    package var schema: String
    /// Neither quoted nor qualified.
    package var tableName: String
    /// Those that the mapping asks for; the one of `sfid`, which Salesforce keeps unique, is not among them.
    package var indexes: [TablePlan.Index]

    package init(_ plan: TablePlan, ddl: TenantDDL) {
        let read = plan.read
        objectName = plan.objectName
        sources = read.map(\.source)
        columns = read.map(\.column)
        types = read.map(\.type)
        table = ddl.name(plan)
        schema = ddl.schema
        tableName = plan.table
        indexes = plan.indexes.filter { $0.column != "sfid" }
    }

    /// `SELECT Id,... FROM Object`. Without order, so that Salesforce can split the work (PK chunking).
    package func soql() throws(SalesforceError) -> SOQL {
        try SOQL.select(sources, from: objectName)
    }

    private var columnList: String { columns.map(Identifier.quoted).joined(separator: ", ") }

    /// Loads a page as it comes.
    package var copyStatement: String {
        // Salesforce stores no empty strings, so an empty cell is NULL, quoted or not, in each column.
        """
        copy \(table) (\(columnList)) from stdin \
        (format csv, header true, encoding 'UTF8', force_null (\(columnList)))
        """
    }

    /// The staged cells in the JSON object `object` as a row `r` of texts.
    func cells(_ object: String) -> String {
        let list = columns.map { "\(Identifier.quoted($0)) text" }.joined(separator: ", ")
        return "pg_catalog.jsonb_to_record(\(object)) as r(\(list))"
    }

    /// Inserts rows of texts named `r`, which `source` gives, with casts that take more spellings.
    ///
    /// - Parameter types: those of the table, by column.
    func insert(from source: String, types: [String: ColumnType]) -> String {
        let values = zip(columns, self.types).map { column, planned in
            (types[column] ?? planned).tolerantCast(of: "r.\(Identifier.quoted(column))")
        }
        return "insert into \(table) (\(columnList)) select \(values.joined(separator: ", ")) from \(source)"
    }
}
