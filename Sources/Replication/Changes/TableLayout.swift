internal import Synchronization
internal import TenantSchema

/// A table's plan as events need it. Equal plans of many tenants share one.
final class TableLayout: Sendable {
    /// A column that may hold the id of another record.
    struct Lookup: Sendable, Equatable {
        var column: String
        var isIndexed: Bool
    }

    let plan: TablePlan
    let configuration: MappingConfiguration
    let paused: [String: String]
    /// The columns that events fill, by field.
    let columns: [String: TablePlan.Column]
    let lookups: [Lookup]
    /// The column IsDeleted, which events do not carry.
    let deletedColumn: String?

    init(_ table: SyncedTable) {
        plan = table.plan
        configuration = table.mapping.configuration
        paused = table.pausedColumns
        let read = table.readColumns
        columns = Dictionary(read.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
        deletedColumn = columns["IsDeleted"]?.name
        let indexed = Set(table.plan.indexes.map(\.column))
        lookups = read.filter { $0.type == .varchar(18) && Self.mayBeParent($0.source) }
            .map { Lookup(column: $0.name, isIndexed: indexed.contains($0.name)) }
    }

    /// Users are not deleted.
    private static func mayBeParent(_ field: String) -> Bool {
        !["OwnerId", "CreatedById", "LastModifiedById", "RecordTypeId"].contains(field)
            && (field.hasSuffix("Id") || field.hasSuffix("__c"))
    }

    func describes(_ table: SyncedTable) -> Bool {
        plan == table.plan && paused == table.pausedColumns && configuration == table.mapping.configuration
    }
}

/// The layouts in use on a loop.
final class TableLayouts: Sendable {
    private let layouts = Mutex<[String: [TableLayout]]>([:])

    /// The shared layout of a table. `table` then shares its plan and settings.
    func share(_ table: inout SyncedTable) -> TableLayout {
        let layout = layouts.withLock { layouts in
            let key = table.plan.objectName
            if let known = layouts[key, default: []].first(where: { $0.describes(table) }) { return known }
            // Tenants whose plans all differ share nothing: old layouts are forgotten here, not by their
            // tenants.
            if layouts[key, default: []].count >= 50 { layouts[key] = [] }
            let layout = TableLayout(table)
            layouts[key, default: []].append(layout)
            return layout
        }
        table.plan = layout.plan
        table.pausedColumns = layout.paused
        table.mapping.configuration = layout.configuration
        return layout
    }
}
