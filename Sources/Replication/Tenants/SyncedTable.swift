package import TenantSchema

/// A table that changes are written to: its mapping and the plan that its last import or alteration left.
package struct SyncedTable: Sendable, Equatable {
    package var mapping: Mapping
    /// The tenant's schema.
    package var schema: String
    package var plan: TablePlan
    /// Columns that are not read at present, with the reason: the field was removed, hidden or changed its
    /// type.
    package var pausedColumns: [String: String]
    /// Those of `pausedColumns` that are paused only because the table lacks them. Not stored: the next check
    /// of the schema creates them again.
    private(set) var lostColumns: Set<String> = []

    package init(mapping: Mapping, schema: String, plan: TablePlan, pausedColumns: [String: String] = [:]) {
        self.mapping = mapping
        self.schema = schema
        self.plan = plan
        self.pausedColumns = pausedColumns
    }

    /// The columns that are not paused in the stored form: the table should have them.
    var storedColumns: [TablePlan.Column] {
        plan.columns.filter { pausedColumns[$0.name] == nil || lostColumns.contains($0.name) }
    }

    /// Pauses columns that the table lacks, so that the others are read and written meanwhile.
    mutating func pauseLost(_ columns: [String]) {
        for column in columns where pausedColumns[column] == nil {
            pausedColumns[column] = Self.lostReason
            lostColumns.insert(column)
        }
    }

    static let lostReason = "the table lacks the column, because somebody dropped it"

    /// Whether another reading of the table has the same plan, paused columns and settings.
    func hasForm(of other: SyncedTable) -> Bool {
        plan == other.plan && pausedColumns == other.pausedColumns
            && mapping.configuration == other.mapping.configuration
    }

    /// The columns that events fill, without `sfid` and without external ids of parents.
    package var readColumns: [TablePlan.Column] {
        plan.columns.filter { $0.isRead && pausedColumns[$0.name] == nil }
    }

    /// The columns that queries select, without `sfid`: those of `readColumns` and external ids of parents.
    package var selectedColumns: [TablePlan.Column] {
        plan.columns.filter { $0.isSelected && pausedColumns[$0.name] == nil }
    }
}
