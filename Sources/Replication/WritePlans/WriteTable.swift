internal import TenantSchema

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

    /// - Parameter tables: all tables of the tenant, for the columns that references name.
    package init(_ table: SyncedTable, among tables: [SyncedTable]) {
        name = table.plan.table
        upsertColumn = table.mapping.configuration.upsertField.flatMap { field in
            table.plan.columns.first { $0.parent == nil && Self.isField($0.source, field) }?.name
        }
        // A plan does not say which columns are lookups. An id has the type of a text of 18 characters, and
        // values that are no ids are left out later.
        lookups = table.plan.columns.filter { $0.parent == nil && $0.type == .varchar(18) }.map(\.name)
        parents = table.plan.columns.flatMap { column -> [Parent] in
            guard let parent = column.parent else { return [] }
            return tables.compactMap { other in
                guard
                    parent.objects.contains(where: { $0.lowercased() == other.plan.objectName.lowercased() }),
                    let key = other.plan.columns.first(where: {
                        $0.parent == nil && Self.isField($0.source, parent.field)
                    })
                else { return nil }
                return Parent(column: column.name, tables: [other.plan.table], keyColumn: key.name)
            }
        }
    }

    /// Whether a mapping's name means the field, which may have a namespace that the mapping leaves out.
    private static func isField(_ source: String, _ name: String) -> Bool {
        let source = source.lowercased()
        let name = name.lowercased()
        return source == name || source.hasSuffix("__" + name)
    }
}
