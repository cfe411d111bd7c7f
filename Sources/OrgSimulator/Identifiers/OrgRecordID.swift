/// A Salesforce record id: fifteen case-sensitive characters. The first three are the object's key prefix.
///
/// The long form has three more characters that encode which of the fifteen are upper-case, for systems that
/// ignore case. Recorded: ten ids of real orgs follow this rule.
struct OrgRecordID: Hashable, Comparable, Sendable {
    /// Characters 0 to 7, the first in the highest byte, so that numbers compare as texts do.
    let high: UInt64
    /// Characters 8 to 14 in the upper seven bytes. The lowest byte is zero.
    let low: UInt64

    /// The digits of ids, in ASCII order.
    static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let suffixDigits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".utf8)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 15 or 18 characters. Nil if the length, a character or the checksum is wrong.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 15 || bytes.count == 18, bytes.prefix(15).allSatisfy(Self.isDigit) else {
            return nil
        }
        high = bytes[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = bytes[8..<15].reduce(0) { $0 << 8 | UInt64($1) } << 8
        if bytes.count == 18, Array(text18.utf8) != bytes { return nil }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// The character at `place`, 0 to 14.
    private func character(_ place: Int) -> UInt8 {
        place < 8
            ? UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * place))
            : UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * (place - 8)))
    }

    /// Appends the 18-character form.
    func append(to bytes: inout [UInt8]) {
        var upperCase: UInt32 = 0
        for place in 0..<15 {
            let byte = character(place)
            bytes.append(byte)
            if byte >= 0x41 && byte <= 0x5A { upperCase |= 1 << UInt32(place) }
        }
        bytes.append(Self.suffixDigits[Int(upperCase & 31)])
        bytes.append(Self.suffixDigits[Int(upperCase >> 5 & 31)])
        bytes.append(Self.suffixDigits[Int(upperCase >> 10 & 31)])
    }

    /// The form that responses use.
    var text18: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(18)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The form inside access tokens and SOAP addresses.
    var text15: String { String(text18.prefix(15)) }

    static func < (left: OrgRecordID, right: OrgRecordID) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }
}
