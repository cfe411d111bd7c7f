/// The columns of a table that decide the order of its writes.
package struct WriteTable: Sendable, Equatable {
    /// A column with a parent's external id.
    package struct Parent: Sendable, Equatable {
        package var column: String
        /// The tables of the parent's objects.
        package var tables: [String]
        /// The column of the parent that has the external id.
        package var keyColumn: String

        package init(column: String, tables: [String], keyColumn: String) {
            self.column = column
            self.tables = tables
            self.keyColumn = keyColumn
        }
    }

    package var name: String
    /// The column of the mapping's upsert field.
    package var upsertColumn: String?
    /// Columns that may hold ids of other records.
    package var lookups: [String]
    package var parents: [Parent]

    package init(name: String, upsertColumn: String? = nil, lookups: [String] = [], parents: [Parent] = []) {
        self.name = name
        self.upsertColumn = upsertColumn
        self.lookups = lookups
        self.parents = parents
    }
}
