/// All records of one object in one org.
///
/// Most rows are computed from their number. Only added rows and changes are stored. A copy of this value is
/// a snapshot.
struct Table: Sendable {
    private(set) var schema: ObjectSchema
    let space: IDSpace
    private var columns: [Column]
    /// Computed rows from this number on are in the recycle bin.
    let liveRows: Int
    /// The number of computed rows.
    let generatedRows: Int
    /// All rows, including deleted ones.
    private(set) var rowCount: Int
    /// The number of rows that are not deleted.
    private(set) var liveCount: Int
    private var stored = RowStore()
    /// Rows whose id does not follow from their number.
    private var foreignIDs: [OrgRecordID: Int] = [:]
    /// Formulas by field; nil for other fields.
    private var formulas: [Formula?]
    private let deletionPlace: Int?
    private let stampPlace: Int?
    /// Grows with every change.
    private(set) var revision = 0
    private let seed: UInt64
    private let neighbours: Column.Neighbours

    /// - Parameters:
    ///   - rows: computed rows that are not deleted. One more per 64 of them is in the recycle bin.
    init(_ schema: ObjectSchema, org: Int, seed: UInt64, rows: Int, neighbours: Column.Neighbours) {
        self.schema = schema
        self.seed = seed
        self.neighbours = neighbours
        space = IDSpace(keyPrefix: schema.keyPrefix, org: org)
        liveRows = rows
        generatedRows = rows == 0 ? 0 : rows + rows / 64 + 1
        rowCount = generatedRows
        liveCount = rows
        let space = space
        columns = schema.fields.map {
            Column(
                $0, object: schema.name, seed: seed, space: space, liveRows: rows, neighbours: neighbours)
        }
        formulas = schema.fields.map(\.formula)
        deletionPlace = schema.place(of: "IsDeleted")
        stampPlace = schema.place(of: "SystemModstamp")
    }

    /// True if no row was added or changed, so that the fast paths may compute them.
    var isPristine: Bool { revision == 0 }

    /// The id of a row, counted from 0.
    func id(_ row: Int) -> OrgRecordID {
        if !foreignIDs.isEmpty, case .full(let values) = stored.entry(row), case .id(let id) = values[0] {
            return id
        }
        return space.id(row + 1)
    }

    /// The row with this id. Also finds deleted and purged rows.
    func row(_ id: OrgRecordID) -> Int? {
        if let number = space.number(of: id), number >= 1, number <= rowCount, self.id(number - 1) == id {
            return number - 1
        }
        return foreignIDs[id]
    }

    /// The value of a row's field.
    func value(_ row: Int, _ field: Int) -> FieldValue {
        if let formula = formulas[field] { return value(row, formula) }
        switch stored.entry(row) {
        case .full(let values):
            if field < values.count { return values[field] }
            return schema.fields[field].type == .boolean ? .boolean(false) : .null
        case .edits(let edits):
            for edit in edits where edit.field == field { return edit.value }
        case .purged, nil: break
        }
        return columns[field].value(row)
    }

    private func value(_ row: Int, _ formula: Formula) -> FieldValue {
        guard let top = schema.place(of: formula.numerator),
            let bottom = schema.place(of: formula.denominator)
        else { return .null }
        return formula.value(value(row, top), value(row, bottom))
    }

    /// True if the row is in the recycle bin, or was purged from it.
    func isDeleted(_ row: Int) -> Bool {
        guard let place = deletionPlace else { return isPurged(row) }
        switch stored.entry(row) {
        case nil: return row >= liveRows
        case .purged: return true
        default: return value(row, place) == .boolean(true)
        }
    }

    /// True if the row left the recycle bin: no query returns it.
    func isPurged(_ row: Int) -> Bool {
        if case .purged = stored.entry(row) { return true }
        return false
    }

    /// The column that renders a computed row's text. Nil if the row or the field needs `value`.
    func textColumn(_ row: Int, _ field: Int) -> Column? {
        guard row < generatedRows, columns[field].isText, stored.entry(row) == nil else { return nil }
        return columns[field]
    }

    /// The stored rows, in order. All others were never changed.
    var changedRows: [Int] { stored.rows }

    /// A computed row is not younger than this. Milliseconds since 1970.
    static var newestComputedStamp: Int { Column.newestStamp }

    /// The index of SystemModstamp.
    var systemModstamp: Int? { stampPlace }

    /// A plausible value of a field, for tests that make random changes.
    func example(_ field: Int, number: Int) -> FieldValue { columns[field].value(number) }

    /// Adds a row. Its first value is its id.
    mutating func add(_ values: [FieldValue]) {
        precondition(values.count == schema.fields.count, "a row has a value for each field")
        if case .id(let id) = values[0], id != space.id(rowCount + 1) { foreignIDs[id] = rowCount }
        stored.set(rowCount, .full(values))
        rowCount += 1
        revision += 1
        if deletionPlace.map({ values[$0] != .boolean(true) }) ?? true { liveCount += 1 }
    }

    /// The id of the next added row.
    var nextID: OrgRecordID { space.id(rowCount + 1) }

    /// Changes fields of a row.
    mutating func change(_ row: Int, _ values: [Int: FieldValue]) {
        revision += 1
        let wasDeleted = isDeleted(row)
        stored.change(row, values)
        let isDeleted = isDeleted(row)
        if wasDeleted != isDeleted { liveCount += isDeleted ? -1 : 1 }
    }

    /// Removes a row for good.
    mutating func purge(_ row: Int) {
        revision += 1
        if !isDeleted(row) { liveCount -= 1 }
        stored.set(row, .purged)
    }
}

/// Changes of the object's definition.
extension Table {
    /// Adds a field. It is null in all rows, and false if it is a boolean.
    /// - Returns: its index.
    mutating func add(_ field: FieldSchema) -> Int {
        var schema = schema
        schema.append(field)
        use(schema)
        return schema.fields.count - 1
    }

    /// Removes a field. Its name can be used again.
    mutating func remove(field place: Int) {
        var schema = schema
        schema.remove(field: place)
        use(schema)
    }

    /// Changes properties of a field that its values do not depend on.
    mutating func alter(field place: Int, _ change: (inout FieldSchema) -> Void) {
        var schema = schema
        schema.alter(field: place, change)
        use(schema)
    }

    private mutating func use(_ schema: ObjectSchema) {
        for field in schema.fields.dropFirst(columns.count) {
            columns.append(
                Column(
                    field, object: schema.name, seed: seed, space: space, liveRows: liveRows,
                    neighbours: neighbours))
        }
        self.schema = schema
        formulas = schema.fields.map(\.formula)
        revision += 1
    }
}
