/// The id of a record: 18 characters, of which the last three say which of the first fifteen are capitals.
///
/// Salesforce shows ids of 15 case-sensitive characters in its pages and of 18 in its interfaces; both name
/// the same record. (Salesforce, Object Reference, "ID Field Type".)
package struct RecordID: Hashable, Sendable, CustomStringConvertible {
    /// The normalised 18 characters.
    package let text: String

    /// Reads an id of 15 or 18 characters; of 18 the checksum is verified.
    ///
    /// A checksum in lower case is accepted, because ids pass through systems that fold only their end; the
    /// first fifteen characters decide.
    package init(_ text: String) throws(SalesforceError) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.shortLength || bytes.count == Self.length else {
            throw SalesforceError(.malformedID, message: "an id has 15 or 18 characters, not \(bytes.count)")
        }
        guard bytes.allSatisfy(Self.isIDCharacter) else {
            throw SalesforceError(.malformedID, message: "an id has only letters and digits")
        }
        let head = bytes.prefix(Self.shortLength)
        let suffix = Self.checksum(head)
        if bytes.count == Self.length {
            guard bytes.suffix(3).map(Self.uppercased) == suffix else {
                throw SalesforceError(
                    .malformedID, message: "the id's last three characters do not fit the rest")
            }
        }
        self.text = String(decoding: Array(head) + suffix, as: UTF8.self)
    }

    /// The three characters that tell the kind of record, `00D` for an organization.
    package var prefix: String { String(text.prefix(3)) }

    /// The form of 15 characters, which only compares correctly with regard to case.
    package var shortText: String { String(text.prefix(Self.shortLength)) }

    package var description: String { text }

    static let shortLength = 15
    static let length = 18

    private static func isIDCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    private static func uppercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte - 32 : byte
    }

    /// One character per group of five: a bit for each capital, the group's first character lowest.
    private static func checksum(_ head: ArraySlice<UInt8>) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".utf8)
        return stride(from: 0, to: shortLength, by: 5).map { start in
            var bits = 0
            for (position, byte) in head.dropFirst(start).prefix(5).enumerated()
            where (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) {
                bits |= 1 << position
            }
            return alphabet[bits]
        }
    }
}
