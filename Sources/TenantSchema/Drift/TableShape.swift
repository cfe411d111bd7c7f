/// A tenant's table in the database. It differs from its plan if columns were widened, if rows did not allow
/// an index, or if somebody else changed the table.
package struct TableShape: Sendable, Equatable {
    /// By column.
    package var types: [String: ColumnType]
    package var indexes: Set<String>
    /// False if users' changes are not captured, because the table has lost a trigger.
    package var isCaptured: Bool

    package init(types: [String: ColumnType], indexes: Set<String>, isCaptured: Bool = true) {
        self.types = types
        self.indexes = indexes
        self.isCaptured = isCaptured
    }

    /// The differences from the plan that the org's values caused, as sentences for operators.
    package func differences(from plan: ImportPlan) -> [String] {
        let widened = zip(plan.columns, plan.types).compactMap { name, planned -> String? in
            guard let type = types[name], planned.isWidened(by: type) else { return nil }
            return "the column \(name) is \(type.sql) instead of \(planned.sql), because of larger values"
        }
        let changed = ([plan.keyIndex].compactMap(\.self) + plan.indexes).compactMap(difference)
        return widened + changed
    }

    /// True if `index` is that of `sfid` and the table has neither form of it. Other indexes can be left out.
    package func lacksKey(_ index: TablePlan.Index) -> Bool {
        index.column == "sfid" && types["sfid"] != nil
            && indexes.isDisjoint(with: [index.name, index.plainName])
    }

    private func difference(of index: TablePlan.Index) -> String? {
        if indexes.contains(index.name) { return nil }
        if index.isUnique, indexes.contains(index.plainName) {
            return
                "the index \(index.name) is not unique and called \(index.plainName), because values repeat"
        }
        // Indexes are created with the table and left out for long values only.
        guard types[index.column]?.mayExceedEntry == true else {
            return "the index \(index.name) is missing: another object of the schema has its name, or "
                + "somebody dropped it"
        }
        return "the index \(index.name) is left out, because a value is too long for it"
    }
}
