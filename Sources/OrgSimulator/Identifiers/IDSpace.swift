/// The ids of one object in one org: a key prefix, two characters for the org, a zero and a running number.
///
/// Assumed: real ids have this structure (prefix, instance, reserved, number). Callers must not rely on it.
struct IDSpace: Hashable, Sendable {
    /// The six leading characters, in the upper six bytes of an id's first word.
    private let head: UInt64
    /// The three characters of the object.
    let keyPrefix: String

    /// - Parameters:
    ///   - keyPrefix: three id characters.
    ///   - org: the org's number, counted from 1. Only its last two digits in base 62 are used.
    init(keyPrefix: String, org: Int) {
        self.keyPrefix = keyPrefix
        let digits = OrgRecordID.digits
        let pod = [digits[(org / 62 + 28) % 62], digits[org % 62], 0x30]
        head = (Array(keyPrefix.utf8) + pod).reduce(0) { $0 << 8 | UInt64($1) } << 16
    }

    /// The id with this number, which must be below 62^9.
    func id(_ number: Int) -> OrgRecordID {
        var rest = UInt64(number)
        var low: UInt64 = 0
        for place in 0..<7 {
            low |= UInt64(OrgRecordID.digits[Int(rest % 62)]) << UInt64(8 * place + 8)
            rest /= 62
        }
        let second = UInt64(OrgRecordID.digits[Int(rest % 62)])
        let first = UInt64(OrgRecordID.digits[Int(rest / 62 % 62)])
        return OrgRecordID(high: head | first << 8 | second, low: low)
    }

    /// The number of an id of this space. Nil for other ids.
    func number(of id: OrgRecordID) -> Int? {
        guard id.high & ~0xFFFF == head else { return nil }
        var number = 0
        for shift in [8, 0] as [UInt64] {
            number = number * 62 + Self.digit(UInt8(truncatingIfNeeded: id.high >> shift))
        }
        for place in (0..<7).reversed() {
            number = number * 62 + Self.digit(UInt8(truncatingIfNeeded: id.low >> UInt64(8 * place + 8)))
        }
        return number
    }

    private static func digit(_ byte: UInt8) -> Int {
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30
        case 0x41...0x5A: Int(byte) - 0x41 + 10
        default: Int(byte) - 0x61 + 36
        }
    }
}
