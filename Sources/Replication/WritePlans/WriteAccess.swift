/// A thing that entries of the log have in common, so that their order matters.
enum WriteResource: Hashable, Sendable {
    /// A row of a table.
    case row(table: Int32, id: Int)
    /// The existence of a record.
    case record(String)
    /// The fields of a record.
    case fields(String)
    /// The record with a value in an external id column. A scope is a column of a table.
    case key(scope: Int32, value: String)

    /// The first 15 characters of a record id name the record; the others repeat their case. Nil for other
    /// texts.
    static func recordID(_ text: String) -> String? {
        let bytes = text.utf8
        guard bytes.count == 15 || bytes.count == 18,
            bytes.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) })
        else { return nil }
        return bytes.count == 15 ? text : String(text.prefix(15))
    }

    /// External ids of most orgs are compared without case, and Salesforce removes spaces at both ends.
    static func keyValue(_ text: String) -> String? {
        let bytes = text.utf8
        guard let first = bytes.first, let last = bytes.last else { return nil }
        let isPlain = first != 32 && last != 32 && bytes.allSatisfy { $0 < 128 && !(65...90).contains($0) }
        if isPlain { return text }
        var value = text.lowercased()[...]
        while value.first == " " { value.removeFirst() }
        while value.last == " " { value.removeLast() }
        return value.isEmpty ? nil : String(value)
    }
}

/// How an entry uses a resource.
struct WriteAccess: Sendable {
    enum Mode: UInt8, Sendable {
        /// Changes the row or the fields of the record.
        case own
        /// The record exists from then on, or has the key from then on.
        case create
        /// The record exists until then, or has the key until then.
        case destroy
        /// The record exists before and after.
        case keep
        /// A new reference to the record.
        case reference

        /// True if two entries cannot have the resource at the same time.
        var isExclusive: Bool { rawValue <= Mode.destroy.rawValue }
        /// True if a failed insert of the resource blocks the entry.
        var needsInsert: Bool { self == .own || self == .reference }
    }

    var resource: WriteResource
    var mode: Mode
}
