/// The id of a record: 15 case-sensitive characters, and a checksum of three that encodes their case.
///
/// Salesforce's pages show 15 characters, its APIs 18; both identify the same record. (Salesforce, Object
/// Reference, "ID Field Type".)
package struct SalesforceID: Hashable, Sendable, CustomStringConvertible {
    /// The 18 characters.
    package let text: String

    /// Reads 15 or 18 characters and verifies the checksum of 18. Throws `.malformedID`.
    ///
    /// A checksum in lower case is accepted: some systems change the case of the last characters.
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
                    .malformedID, message: "the id's checksum (its last three characters) is wrong")
            }
        }
        self.text = String(decoding: Array(head) + suffix, as: UTF8.self)
    }

    /// True for the 18 characters of an id with the checksum as Salesforce writes it.
    package static func isCanonical(_ text: String) -> Bool { (try? SalesforceID(text))?.text == text }

    /// The three characters that identify the object, for example `00D` for an org.
    package var prefix: String { String(text.prefix(3)) }

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

    /// One character for each five: a bit for each capital, the first character in the lowest bit.
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
