/// Chooses records and values by a seed.
struct RandomChanges {
    static let usualKinds = [
        "create", "update", "update", "update", "update", "update", "delete", "undelete",
    ]

    private var state: UInt64

    init(seed: UInt64) {
        state = Mixer.mix(seed)
    }

    mutating func next() -> UInt64 {
        state = Mixer.mix(state)
        return state
    }

    mutating func pick<Value>(_ values: [Value]) -> Value? {
        values.isEmpty ? nil : values[Int(next() % UInt64(values.count))]
    }

    /// A row that is live, or in the recycle bin, and not in `used`. Nil if some tries found none.
    mutating func row(_ table: Table, isDeleted: Bool, not used: Set<Int>) -> Int? {
        guard table.rowCount > 0 else { return nil }
        for _ in 0..<64 {
            let row = Int(next() % UInt64(table.rowCount))
            if !table.isPurged(row), table.isDeleted(row) == isDeleted, !used.contains(row) { return row }
        }
        return (0..<table.rowCount).first {
            !table.isPurged($0) && table.isDeleted($0) == isDeleted && !used.contains($0)
        }
    }

    /// Values for a new row: required fields, external ids, and most of the others.
    mutating func newValues(_ table: Table, number: Int) -> [Int: FieldValue] {
        var values: [Int: FieldValue] = [:]
        for (place, field) in table.schema.fields.enumerated() {
            guard field.isCreateable, !field.isRemoved, field.type != .address, field.name != "OwnerId" else {
                continue
            }
            guard !field.isNillable || field.isExternalID || next() % 4 != 0 else { continue }
            let value = table.example(place, number: field.isExternalID ? number : Int(next() >> 33))
            if value != .null || field.isNillable { values[place] = value }
        }
        return values
    }

    /// Values for an update of one to four fields.
    mutating func changedValues(_ table: Table) -> [Int: FieldValue] {
        let places = table.schema.fields.indices.filter { place in
            let field = table.schema.fields[place]
            return field.isUpdateable && !field.isRemoved && !field.isExternalID && field.type != .address
                && field.name != "OwnerId"
        }
        var values: [Int: FieldValue] = [:]
        for _ in 0...(next() % 4) {
            guard let place = pick(places) else { break }
            let field = table.schema.fields[place]
            if field.isNillable, next() % 8 == 0 {
                values[place] = .null
                continue
            }
            let value = table.example(place, number: Int(next() >> 33))
            if value != .null || field.isNillable { values[place] = value }
        }
        return values
    }
}
