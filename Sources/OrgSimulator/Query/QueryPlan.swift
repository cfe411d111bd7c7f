/// A resolved query in one org, for one user, over a snapshot of the records.
struct QueryPlan: Sendable {
    let query: SOQLQuery
    let table: Table
    /// The selected fields. Empty for `COUNT()`.
    let columns: [BoundPath]
    private let condition: BoundCondition?
    private let order: [(path: BoundPath, ordering: SOQLQuery.Ordering)]
    /// The only owner whose rows are visible. Nil: all rows.
    private let owner: OrgRecordID?
    let includesDeleted: Bool

    /// - Parameters:
    ///   - owner: the user's id, for a user without View All Data. Nil: all rows are visible.
    ///   - includesDeleted: for queryAll.
    init(
        _ query: SOQLQuery, in org: Org, owner: OrgRecordID?, includesDeleted: Bool
    ) throws(SOQLError) {
        self.query = query
        guard query.object.parts.count == 1, let table = org.table(query.object.parts[0]) else {
            throw SOQLError(
                code: .invalidType,
                reason:
                    "sObject type '\(query.object.parts.joined(separator: "."))' is not supported. If "
                    + "you are attempting to use a custom object, be sure to append the '__c' after the "
                    + "entity name. Please reference your WSDL or "
                    + "the describe call for the appropriate names.",
                offset: query.object.offset)
        }
        self.table = table
        var columns: [BoundPath] = []
        if case .fields(let paths) = query.selection {
            for path in paths { columns.append(try BoundPath.bind(path, in: org, from: table)) }
        }
        self.columns = columns
        condition = try query.condition.map { (condition) throws(SOQLError) in
            try BoundCondition.bind(condition, in: org, from: table)
        }
        var order: [(BoundPath, SOQLQuery.Ordering)] = []
        for ordering in query.order {
            let path = try BoundPath.bind(ordering.path, in: org, from: table)
            guard path.field.isSortable else {
                throw SOQLError(
                    code: .malformedQuery,
                    reason: "field '\(path.field.name)' can not be sorted in a query call",
                    offset: ordering.path.offset)
            }
            order.append((path, ordering))
        }
        self.order = order
        self.owner = table.schema.traits.isShared ? owner : nil
        self.includesDeleted = includesDeleted
    }

    /// The rows of the result, sorted.
    func rows() -> [Int32] {
        var rows: [Int32] = []
        let ownerPlace = owner == nil ? nil : table.schema.place(of: "OwnerId")
        func take(_ row: Int) {
            guard isVisible(row, ownerPlace), condition?.holds(row, of: table) ?? true else { return }
            rows.append(Int32(row))
        }
        if let candidates = condition?.candidates(of: table, includesDeleted: includesDeleted) {
            for row in candidates { take(row) }
        } else {
            for row in 0..<(table.isPristine && !includesDeleted ? table.liveRows : table.rowCount) {
                take(row)
            }
        }
        if !isInOrderOfRows { sort(&rows) }
        if let offset = query.offset { rows = Array(rows.dropFirst(offset)) }
        if let limit = query.limit { rows = Array(rows.prefix(limit)) }
        return rows
    }

    /// True if the user may see the row.
    func isVisible(_ row: Int) -> Bool {
        isVisible(row, owner == nil ? nil : table.schema.place(of: "OwnerId"))
    }

    private func isVisible(_ row: Int, _ ownerPlace: Int?) -> Bool {
        if includesDeleted ? table.isPurged(row) : table.isDeleted(row) { return false }
        guard let owner, let ownerPlace else { return true }
        return table.value(row, ownerPlace) == .id(owner)
    }

    /// True if the WHERE clause holds for the row.
    func selects(_ row: Int) -> Bool { condition?.holds(row, of: table) ?? true }

    /// Computed rows are already sorted by id.
    private var isInOrderOfRows: Bool {
        order.isEmpty
            || order.count == 1 && order[0].path.steps.isEmpty && order[0].path.place == 0
                && !order[0].ordering.isDescending
    }

    private func sort(_ rows: inout [Int32]) {
        let keys = Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (row, order.map { $0.path.value(Int(row), of: table).comparable })
            })
        rows.sort { left, right in
            guard let leftKeys = keys[left], let rightKeys = keys[right] else { return left < right }
            for (place, entry) in order.enumerated() where leftKeys[place] != rightKeys[place] {
                let (first, second) = (leftKeys[place], rightKeys[place])
                if let nullsFirst = entry.ordering.nullsFirst, first == .null || second == .null {
                    return (first == .null) == nullsFirst
                }
                return first.precedes(second) != entry.ordering.isDescending
            }
            return left < right
        }
    }
}
