import Cryptography
import Encoding

/// Writes the fields of a change event as JSON.
struct ChangePayload {
    let table: Table
    let layout: PayloadLayout
    /// Texts of at least 1000 characters are sent as differences.
    let sendsTextDiffs: Bool

    /// The members of a CREATE or UNDELETE event: all fields that are not empty.
    func created(_ row: Int) -> [UInt8] {
        members { table.value(row, $0.place) != .null ? .value(table.value(row, $0.place)) : nil }
    }

    /// The members of an UPDATE event: changed fields only, null for emptied ones.
    /// - Parameter previous: the former values by field index.
    func updated(_ row: Int, previous: [Int: FieldValue]) -> [UInt8] {
        members { entry in
            guard let before = previous[entry.place] else { return nil }
            let after = table.value(row, entry.place)
            if sendsTextDiffs, case .text(let old) = before, case .text(let new) = after,
                old.utf16.count >= Self.diffCharacters, new.utf16.count >= Self.diffCharacters
            {
                return .diff(Self.diff(old, new))
            }
            return .value(after)
        }
    }

    /// The names in `changedFields`.
    func names(of places: some Collection<Int>) -> [String] {
        let places = Set(places)
        return layout.entries.filter { places.contains($0.place) }.map(\.qualified)
    }

    private enum Member {
        case value(FieldValue)
        case diff(String)
    }

    /// Documented.
    private static let diffCharacters = 1000

    private func members(_ member: (PayloadLayout.Entry) -> Member?) -> [UInt8] {
        var bytes: [UInt8] = []
        var compound: String?
        for entry in layout.entries {
            guard let member = member(entry) else { continue }
            if entry.compound != compound {
                if compound != nil { bytes.append(0x7D) }
                if let name = entry.compound {
                    if !bytes.isEmpty { bytes.append(0x2C) }
                    JSONText.append(name, to: &bytes)
                    bytes.append(contentsOf: [0x3A, 0x7B])
                } else if !bytes.isEmpty {
                    bytes.append(0x2C)
                }
                compound = entry.compound
            } else if !bytes.isEmpty {
                bytes.append(0x2C)
            }
            JSONText.append(entry.name, to: &bytes)
            bytes.append(0x3A)
            switch member {
            case .value(let value): value.appendJSON(to: &bytes, zone: "Z")
            case .diff(let text): JSONText.object([("diff", .string(text))]).append(to: &bytes)
            }
        }
        if compound != nil { bytes.append(0x7D) }
        return bytes
    }

    /// A unified difference of lines without context, headed by the hash of the new text. Documented.
    static func diff(_ old: String, _ new: String) -> String {
        let before = old.split(separator: "\n", omittingEmptySubsequences: false)
        let after = new.split(separator: "\n", omittingEmptySubsequences: false)
        var start = 0
        while start < min(before.count, after.count), before[start] == after[start] { start += 1 }
        var end = 0
        while end < min(before.count, after.count) - start,
            before[before.count - 1 - end] == after[after.count - 1 - end]
        { end += 1 }
        let removed = before[start..<(before.count - end)]
        let inserted = after[start..<(after.count - end)]
        var lines = ["--- ", "+++ \(Hex.encode(Digest.sha256(new)))"]
        if !removed.isEmpty || !inserted.isEmpty {
            // As diff does: the line before, if there are no lines of that side.
            let first = removed.isEmpty ? start : start + 1
            let second = inserted.isEmpty ? start : start + 1
            lines.append("@@ -\(first),\(removed.count) +\(second),\(inserted.count) @@")
            lines += removed.map { "-" + $0 } + inserted.map { "+" + $0 }
        }
        return lines.joined(separator: "\n")
    }
}
