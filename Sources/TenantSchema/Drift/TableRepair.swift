/// A change to a table for values that do not fit its plan: rows come before types and indexes.
package enum TableRepair: Sendable, Equatable {
    case widen(column: String, to: ColumnType)
    /// Drops an index because a value is too long for an entry.
    case drop(TablePlan.Index)
    /// Replaces a unique index by a plain one because values repeat.
    case relax(TablePlan.Index)

    /// The sizes of a staged page's values, by column.
    package struct Measures: Sendable, Equatable {
        /// By `ColumnType.measure`.
        package var sizes: [String: Int]
        /// Bytes of the longest value of an indexed text.
        package var bytes: [String: Int]

        package init(sizes: [String: Int] = [:], bytes: [String: Int] = [:]) {
            self.sizes = sizes
            self.bytes = bytes
        }
    }

    /// The repairs that a page needs. Repeated values are not measured: the database reports them.
    package static func needed(
        by measures: Measures, _ plan: ImportPlan, _ shape: TableShape
    ) -> [TableRepair] {
        let widened = plan.columns.compactMap { column -> TableRepair? in
            guard let size = measures.sizes[column], let type = shape.types[column]?.widened(by: size) else {
                return nil
            }
            return .widen(column: column, to: type)
        }
        let dropped = plan.indexes.filter {
            measures.bytes[$0.column, default: 0] > TenantSchemaLimits.indexedBytes
                && (shape.indexes.contains($0.name) || shape.indexes.contains($0.plainName))
        }
        return widened + dropped.map(TableRepair.drop)
    }

    /// The statements, in order.
    package func statements(_ plan: ImportPlan) -> [String] {
        switch self {
        case .widen(let column, let type):
            ["alter table \(plan.table) alter column \(Identifier.quoted(column)) type \(type.sql)"]
        case .drop(let index): [index.drop(in: plan.schema)]
        case .relax(let index): index.relax(on: plan.table, in: plan.schema)
        }
    }
}
