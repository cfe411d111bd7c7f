/// All records of one object in one org.
///
/// Most rows are computed from their number. Only added rows and changes are stored. A copy of this value is
/// a snapshot.
struct Table: Sendable {
    let schema: ObjectSchema
    let space: IDSpace
    private let columns: [Column]
    /// Computed rows from this number on are in the recycle bin.
    let liveRows: Int
    /// The number of computed rows.
    let generatedRows: Int
    private var added: [[FieldValue]] = []
    private var edits: [Int: [Int: FieldValue]] = [:]
    /// Grows with every change.
    private(set) var revision = 0

    /// - Parameters:
    ///   - rows: computed rows that are not deleted. One more per 64 of them is in the recycle bin.
    init(_ schema: ObjectSchema, org: Int, seed: UInt64, rows: Int, neighbours: Column.Neighbours) {
        self.schema = schema
        space = IDSpace(keyPrefix: schema.keyPrefix, org: org)
        liveRows = rows
        generatedRows = rows == 0 ? 0 : rows + rows / 64 + 1
        let space = space
        columns = schema.fields.map {
            Column(
                $0, object: schema.name, seed: seed, space: space, liveRows: rows, neighbours: neighbours)
        }
    }

    /// All rows, including deleted ones.
    var rowCount: Int { generatedRows + added.count }

    /// True if no row was added or changed, so that the fast paths may compute them.
    var isPristine: Bool { revision == 0 && added.isEmpty }

    /// The id of a row, counted from 0.
    func id(_ row: Int) -> OrgRecordID {
        if row >= generatedRows, case .id(let id) = added[row - generatedRows][0] { return id }
        return space.id(row + 1)
    }

    /// The row with this id.
    func row(_ id: OrgRecordID) -> Int? {
        if let number = space.number(of: id), number >= 1, number <= rowCount, self.id(number - 1) == id {
            return number - 1
        }
        return added.firstIndex { $0[0] == .id(id) }.map { $0 + generatedRows }
    }

    /// The value of a row's field.
    func value(_ row: Int, _ field: Int) -> FieldValue {
        if row >= generatedRows { return added[row - generatedRows][field] }
        if !edits.isEmpty, let value = edits[row]?[field] { return value }
        return columns[field].value(row)
    }

    /// True if the row is in the recycle bin.
    func isDeleted(_ row: Int) -> Bool {
        guard let place = schema.place(of: "IsDeleted") else { return false }
        if row < generatedRows, edits.isEmpty { return row >= liveRows }
        return value(row, place) == .boolean(true)
    }

    /// The column that renders a computed row's text. Nil if the row or the field needs `value`.
    func textColumn(_ row: Int, _ field: Int) -> Column? {
        guard row < generatedRows, edits.isEmpty, columns[field].isText else { return nil }
        return columns[field]
    }

    /// The number of rows that are not deleted.
    var liveCount: Int {
        if isPristine { return liveRows }
        return (0..<rowCount).reduce(0) { isDeleted($1) ? $0 : $0 + 1 }
    }

    /// Adds a row. Its first value is its id.
    mutating func add(_ values: [FieldValue]) {
        precondition(values.count == schema.fields.count, "a row has a value for each field")
        added.append(values)
        revision += 1
    }

    /// Changes fields of a row.
    mutating func change(_ row: Int, _ values: [Int: FieldValue]) {
        revision += 1
        if row >= generatedRows {
            for (field, value) in values { added[row - generatedRows][field] = value }
        } else {
            edits[row, default: [:]].merge(values) { $1 }
        }
    }
}
