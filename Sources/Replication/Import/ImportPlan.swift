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

    package init(_ plan: TablePlan, ddl: TenantDDL) {
        let read = plan.read
        objectName = plan.objectName
        sources = read.map(\.source)
        columns = read.map(\.column)
        types = read.map(\.type)
        table = ddl.name(plan)
    }

    /// `SELECT Id,... FROM Object`. Without order, so that Salesforce can split the work (PK chunking).
    package func soql() throws(SalesforceError) -> SOQL {
        try SOQL.select(sources, from: objectName)
    }

    private var columnList: String { columns.map(Identifier.quoted).joined(separator: ", ") }

    private func copy(into target: String) -> String {
        // Salesforce stores no empty strings, so an empty cell is NULL, quoted or not, in each column.
        """
        copy \(target) (\(columnList)) from stdin \
        (format csv, header true, encoding 'UTF8', force_null (\(columnList)))
        """
    }

    /// Loads a page as it comes.
    package var copyStatement: String { copy(into: table) }

    /// A refused page is loaded here first. The name is the connection's own (`pg_temp`); the row number's column
    /// begins with an underscore, as no field does.
    package var stagingStatement: String {
        let cells = columns.map { "\(Identifier.quoted($0)) text" }.joined(separator: ", ")
        return """
            create temporary table multiconnect_page (
              _row bigint generated always as identity primary key, \(cells)) on commit drop
            """
    }

    package var stagingCopyStatement: String { copy(into: "pg_temp.multiconnect_page") }

    /// Moves staged rows that fulfil `condition` into the table, with casts that take more spellings.
    package func moveStatement(where condition: String) -> String {
        let cells = zip(columns, types).map { $1.tolerantCast(of: Identifier.quoted($0)) }
        return """
            insert into \(table) (\(columnList))
            select \(cells.joined(separator: ", "))
            from pg_temp.multiconnect_page where \(condition)
            """
    }
}
