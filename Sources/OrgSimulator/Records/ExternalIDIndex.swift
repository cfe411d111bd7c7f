/// The live rows of a table by the value of a field.
struct ExternalIDIndex: Sendable {
    private var first: [FieldValue: Int] = [:]
    /// Further rows with a value, for fields that are not unique.
    private var further: [FieldValue: [Int]] = [:]

    /// Reads all rows of `table`.
    init(_ table: Table, _ place: Int) {
        for row in 0..<table.rowCount where !table.isDeleted(row) { add(row, table.value(row, place)) }
    }

    /// The rows with this value. Texts ignore case.
    func rows(_ value: FieldValue) -> [Int] {
        let key = value.comparable
        guard let row = first[key] else { return [] }
        guard let more = further[key] else { return [row] }
        return [row] + more
    }

    mutating func add(_ row: Int, _ value: FieldValue) {
        guard value != .null else { return }
        let key = value.comparable
        if let other = first[key] {
            if other != row { further[key, default: []].append(row) }
        } else {
            first[key] = row
        }
    }

    mutating func remove(_ row: Int, _ value: FieldValue) {
        let key = value.comparable
        guard let known = first[key] else { return }
        if known != row {
            further[key]?.removeAll { $0 == row }
        } else if var more = further[key], !more.isEmpty {
            first[key] = more.removeFirst()
            further[key] = more
        } else {
            first[key] = nil
        }
        if further[key]?.isEmpty == true { further[key] = nil }
    }
}
