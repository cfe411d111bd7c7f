/// The rows of a table that cannot be computed: added, changed and purged rows.
///
/// Rows are in pages. A copy shares its pages, and a change copies one page, so that a snapshot of a large
/// table is
/// cheap.
struct RowStore: Sendable {
    /// A changed value of a computed row.
    struct Edit: Sendable {
        let field: Int
        var value: FieldValue
    }

    enum Entry: Sendable {
        /// An added row: a value for each field that existed then.
        case full([FieldValue])
        /// A computed row with these changes.
        case edits([Edit])
        /// Removed from the recycle bin.
        case purged
    }

    /// Chunks of pages of entries. Two levels, so that a change after a copy copies some hundred references.
    private var chunks: [[[Entry?]]] = []

    private static let pageRows = 64
    private static let chunkPages = 256

    /// The entry of a row. Nil: the row is computed.
    func entry(_ row: Int) -> Entry? {
        let (chunk, page, slot) = Self.path(row)
        guard chunk < chunks.count, page < chunks[chunk].count, !chunks[chunk][page].isEmpty else {
            return nil
        }
        return chunks[chunk][page][slot]
    }

    private static func path(_ row: Int) -> (chunk: Int, page: Int, slot: Int) {
        (row / (pageRows * chunkPages), row / pageRows % chunkPages, row % pageRows)
    }

    /// Stores the entry of a row.
    mutating func set(_ row: Int, _ entry: Entry) {
        let (chunk, page, slot) = grow(to: row)
        chunks[chunk][page][slot] = entry
    }

    /// Changes values of a row.
    mutating func change(_ row: Int, _ values: [Int: FieldValue]) {
        let (chunk, page, slot) = grow(to: row)
        // Taken out of the page, so that the entry's array is changed in place.
        let entry = chunks[chunk][page][slot]
        chunks[chunk][page][slot] = nil
        switch entry {
        case .full(var full):
            for (field, value) in values {
                while full.count <= field { full.append(.null) }
                full[field] = value
            }
            chunks[chunk][page][slot] = .full(full)
        case .edits(var edits):
            for (field, value) in values {
                if let place = edits.firstIndex(where: { $0.field == field }) {
                    edits[place].value = value
                } else {
                    edits.append(Edit(field: field, value: value))
                }
            }
            chunks[chunk][page][slot] = .edits(edits)
        case .purged: chunks[chunk][page][slot] = .purged
        case nil: chunks[chunk][page][slot] = .edits(values.map { Edit(field: $0.key, value: $0.value) })
        }
    }

    private mutating func grow(to row: Int) -> (chunk: Int, page: Int, slot: Int) {
        let (chunk, page, slot) = Self.path(row)
        while chunks.count <= chunk { chunks.append([]) }
        while chunks[chunk].count <= page { chunks[chunk].append([]) }
        if chunks[chunk][page].isEmpty { chunks[chunk][page] = Array(repeating: nil, count: Self.pageRows) }
        return (chunk, page, slot)
    }

    /// The stored rows, in order.
    var rows: [Int] {
        var rows: [Int] = []
        for chunk in chunks.indices {
            for page in chunks[chunk].indices {
                let first = (chunk * Self.chunkPages + page) * Self.pageRows
                for (slot, entry) in chunks[chunk][page].enumerated() where entry != nil {
                    rows.append(first + slot)
                }
            }
        }
        return rows
    }
}
