internal import TenantSchema

extension WriteTable {
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
