/// The difference between a table and the plan of the org's present describe, and what follows from it.
///
/// Columns never lose values: a column whose field is gone stays as it is and is no longer read.
package struct SchemaDrift: Sendable, Equatable {
    /// A column that becomes another type. Each is altered on its own, because a view can block one of them.
    package struct Widening: Sendable, Equatable {
        package var column: String
        package var type: ColumnType
    }

    /// The plan of the table after everything except `widenings` is done.
    package private(set) var plan: TablePlan
    /// Columns that are not read then, with the reason.
    package private(set) var paused: [String: String]
    /// New columns.
    package private(set) var added: [TablePlan.Column] = []
    /// The names of those of `added` that the table has already.
    package private(set) var kept: Set<String> = []
    /// Columns of the plan that the table lacks, because somebody dropped them. They are created again and
    /// filled, each on its own, because the database can refuse one.
    package private(set) var lost: [TablePlan.Column] = []
    /// Columns whose field is not mapped any more. They stay in the table with their values, and the plan no
    /// longer has them.
    package private(set) var removed: [String] = []
    /// Those of `removed` that the plan still has, because local changes of them are not sent yet.
    package private(set) var waiting: [String] = []
    /// Columns that are not read from now on, with the reason.
    package private(set) var newlyPaused: [String: String] = [:]
    /// Columns that are read again.
    package private(set) var resumed: [String] = []
    /// Columns whose type is too narrow for the field. One that is paused is read again afterwards.
    package private(set) var widenings: [Widening] = []
    /// Indexes that the mapping has now. Dropped ones are dropped first: an index can change its uniqueness.
    package private(set) var addedIndexes: [TablePlan.Index] = []
    /// Indexes that the mapping had.
    package private(set) var droppedIndexes: [TablePlan.Index] = []
    /// True if the mapping became read-only or writable.
    package private(set) var isAccessChanged: Bool
    /// True if other records belong to the table now.
    package private(set) var isFilterChanged: Bool
    /// True if the table has lost a trigger, so that users' changes are not captured.
    package private(set) var lacksCapture = false

    /// - Parameters:
    ///   - old: the plan that the last import or alteration left.
    ///   - paused: its columns that are not read, with the reason.
    ///   - fresh: the plan of the present describe and the present mapping.
    ///   - shape: the table in the database.
    ///   - configuration: the present mapping.
    ///   - unsent: columns with local changes that are not sent yet. They stay in the plan until then.
    package init(
        _ old: TablePlan, paused: [String: String], fresh: TablePlan, shape: TableShape,
        _ configuration: MappingConfiguration, _ resolver: NameResolver, unsent: Set<String> = []
    ) {
        plan = old
        self.paused = paused
        isAccessChanged = old.access != fresh.access
        isFilterChanged = old.filter != fresh.filter
        (plan.access, plan.filter, plan.problems) = (fresh.access, fresh.filter, fresh.problems)
        (plan.cursorField, plan.objectName) = (fresh.cursorField, fresh.objectName)
        // A missing table has no columns, and is no matter of its columns.
        let exists = shape.types["sfid"] != nil
        lacksCapture = exists && !shape.isCaptured
        let wanted = Dictionary(fresh.columns.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for index in plan.columns.indices {
            let column = plan.columns[index]
            if let field = wanted[column.name], exists, shape.types[column.name] == nil {
                plan.columns[index] = field
                lost.append(field)
            } else if let field = wanted[column.name] {
                adjust(index, to: field, shape.types[column.name])
            } else if column.isMapped(by: configuration, resolver) {
                pause(column.name, Self.reason(column, fresh, resolver))
            } else {
                removed.append(column.name)
            }
        }
        waiting = removed.filter(unsent.contains)
        let gone = Set(removed).subtracting(waiting)
        let known = Set(plan.columns.map(\.name))
        plan.columns.removeAll { gone.contains($0.name) }
        for column in removed { self.paused[column] = nil }
        for field in fresh.columns where !known.contains(field.name) { add(field, shape.types[field.name]) }
        plan.columns.sort { $0.name < $1.name }
        compareIndexes(old, fresh, shape)
    }

    /// Why a mapped column has no field.
    private static func reason(
        _ column: TablePlan.Column, _ fresh: TablePlan, _ resolver: NameResolver
    ) -> String {
        let source = column.source.lowercased()
        let problem = fresh.problems.first { problem in
            resolver.candidates(problem.name).contains { $0.lowercased() == source }
        }
        return problem?.message ?? "the org has no field \(column.source), or the user may not see it"
    }

    /// Adds a column. The table can have it already: it was mapped before, or somebody else added it.
    private mutating func add(_ field: TablePlan.Column, _ actual: ColumnType?) {
        plan.columns.append(field)
        added.append(field)
        guard let actual else { return }
        kept.insert(field.name)
        adjust(plan.columns.count - 1, to: field, actual)
    }

    private mutating func pause(_ column: String, _ reason: String) {
        // A column that is paused already keeps its reason.
        guard paused[column] == nil else { return }
        paused[column] = reason
        newlyPaused[column] = reason
    }

    private mutating func adjust(_ index: Int, to field: TablePlan.Column, _ actual: ColumnType?) {
        let old = plan.columns[index]
        plan.columns[index] = field
        // Imports widen columns for values that are larger than the describe says.
        switch (actual ?? old.type).fit(for: field.type) {
        case .fits:
            plan.columns[index].type = old.type.fit(for: field.type) == .fits ? old.type : field.type
            guard paused.removeValue(forKey: old.name) != nil else { return }
            resumed.append(old.name)
        case .widens(let type):
            plan.columns[index].type = old.type
            widenings.append(Widening(column: old.name, type: type))
        case .differs:
            plan.columns[index].type = old.type
            pause(
                old.name,
                "the field \(field.source) needs a column of type \(field.type.sql) now, and the column is "
                    + (actual ?? old.type).sql)
        }
    }

    private mutating func compareIndexes(_ old: TablePlan, _ fresh: TablePlan, _ shape: TableShape) {
        let stopped = Set(paused.keys)
        // The index of a lost column was dropped with it.
        let lost = Set(lost.map(\.name))
        addedIndexes = fresh.indexes.filter { index in
            !old.indexes.contains(index) || lost.contains(index.column) || shape.lacksKey(index)
        }
        // The index of a field that is gone stays with its column.
        droppedIndexes = old.indexes.filter { index in
            !fresh.indexes.contains(index) && !stopped.contains(index.column)
        }
        plan.indexes =
            old.indexes.filter { !droppedIndexes.contains($0) && !addedIndexes.contains($0) } + addedIndexes
        plan.indexes.sort { $0.name < $1.name }
    }

    /// True if the table is as the describe and the mapping want it.
    package var isEmpty: Bool {
        added.isEmpty && lost.isEmpty && removed.isEmpty && newlyPaused.isEmpty && resumed.isEmpty
            && widenings.isEmpty
            && addedIndexes.isEmpty && droppedIndexes.isEmpty && !isAccessChanged && !isFilterChanged
            && !lacksCapture
    }

    /// Columns whose existing rows must be filled from the org.
    package var backfill: [String] {
        let stopped = Set(paused.keys)
        let columns = Set(added.map(\.name)).union(resumed)
        return plan.columns.filter {
            columns.contains($0.name) && $0.isSelected && !stopped.contains($0.name)
        }
        .map(\.name)
    }
}

extension TablePlan {
    /// Records a column's new type.
    package mutating func widen(_ widening: SchemaDrift.Widening) {
        guard let index = columns.firstIndex(where: { $0.name == widening.column }) else { return }
        columns[index].type = widening.type
    }

    /// True if the column holds rounded values until it is filled again: it was `double precision`.
    package func isRounded(before widening: SchemaDrift.Widening) -> Bool {
        widening.type == .numeric
            && columns.contains { $0.name == widening.column && $0.type == .doublePrecision }
    }
}
