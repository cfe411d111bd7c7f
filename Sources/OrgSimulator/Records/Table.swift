/// All records of one object in one org.
///
/// Most rows are not stored: they are computed from their number. Rows that were written later, and changes of
/// computed ones, lie over them. A copy of this value is a snapshot that stays as it is.
struct Table: Sendable {
    let schema: ObjectSchema
    let space: IDSpace
    private let columns: [Column]
    /// Computed rows from this number on are in the recycle bin.
    let liveRows: Int
    /// How many rows are computed.
    let generatedRows: Int
    private var added: [[FieldValue]] = []
    private var edits: [Int: [Int: FieldValue]] = [:]
    /// Grows with every change.
    private(set) var revision = 0

    /// - Parameters:
    ///   - rows: computed rows that are not deleted; one more in 64 is in the recycle bin.
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

    /// Rows of every kind, deleted ones included.
    var rowCount: Int { generatedRows + added.count }

    /// Rows are the same as when the org was made: the fast paths may compute them.
    var isPristine: Bool { revision == 0 && added.isEmpty }

    /// The id of a row, counted from 0.
    func id(_ row: Int) -> RecordID {
        if row >= generatedRows, case .id(let id) = added[row - generatedRows][0] { return id }
        return space.id(row + 1)
    }

    /// The row with this id.
    func row(_ id: RecordID) -> Int? {
        if let number = space.number(of: id), number >= 1, number <= rowCount, self.id(number - 1) == id {
            return number - 1
        }
        return added.firstIndex { $0[0] == .id(id) }.map { $0 + generatedRows }
    }

    /// What a field of a row holds.
    func value(_ row: Int, _ field: Int) -> FieldValue {
        if row >= generatedRows { return added[row - generatedRows][field] }
        if !edits.isEmpty, let value = edits[row]?[field] { return value }
        return columns[field].value(row)
    }

    /// Whether a row is in the recycle bin.
    func isDeleted(_ row: Int) -> Bool {
        guard let place = schema.place(of: "IsDeleted") else { return false }
        if row < generatedRows, edits.isEmpty { return row >= liveRows }
        return value(row, place) == .boolean(true)
    }

    /// The column to render a computed row's text with; nil when the row or the field needs `value`.
    func textColumn(_ row: Int, _ field: Int) -> Column? {
        guard row < generatedRows, edits.isEmpty, columns[field].isText else { return nil }
        return columns[field]
    }

    /// How many rows are not deleted.
    var liveCount: Int {
        if isPristine { return liveRows }
        return (0..<rowCount).reduce(0) { isDeleted($1) ? $0 : $0 + 1 }
    }

    /// Adds a row; its first value is its id.
    mutating func add(_ values: [FieldValue]) {
        precondition(values.count == schema.fields.count, "a row has a value for each field")
        added.append(values)
        revision += 1
    }

    /// The id of the next added row.
    var nextID: RecordID { space.id(rowCount + 1) }

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
