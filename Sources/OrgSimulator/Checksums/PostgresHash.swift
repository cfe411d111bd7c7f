/// The function `hashtextextended(text, 0)` of Postgres: Bob Jenkins's lookup3 over the bytes of the text.
///
/// Cheap here and in Postgres, so that tables of a million rows can be compared cell by cell.
enum PostgresHash {
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        var a = 0x9E37_79B9 &+ UInt32(bytes.count) &+ 3_923_095
        var b = a
        var c = a
        var place = 0
        while bytes.count - place >= 12 {
            a &+= word(bytes, place)
            b &+= word(bytes, place + 4)
            c &+= word(bytes, place + 8)
            mix(&a, &b, &c)
            place += 12
        }
        for (index, byte) in bytes[place...].enumerated() {
            let value = UInt32(byte)
            switch index {
            case 0..<4: a &+= value << UInt32(8 * index)
            case 4..<8: b &+= value << UInt32(8 * (index - 4))
            // The lowest byte of c is reserved for the length.
            default: c &+= value << UInt32(8 * (index - 7))
            }
        }
        finish(&a, &b, &c)
        return UInt64(b) << 32 | UInt64(c)
    }

    private static func word(_ bytes: [UInt8], _ place: Int) -> UInt32 {
        UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
            | UInt32(bytes[place + 3]) << 24
    }

    private static func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value << count | value >> (32 - count)
    }

    private static func mix(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        a = (a &- c) ^ rotated(c, 4)
        c &+= b
        b = (b &- a) ^ rotated(a, 6)
        a &+= c
        c = (c &- b) ^ rotated(b, 8)
        b &+= a
        a = (a &- c) ^ rotated(c, 16)
        c &+= b
        b = (b &- a) ^ rotated(a, 19)
        a &+= c
        c = (c &- b) ^ rotated(b, 4)
        b &+= a
    }

    private static func finish(_ a: inout UInt32, _ b: inout UInt32, _ c: inout UInt32) {
        c = (c ^ b) &- rotated(b, 14)
        a = (a ^ c) &- rotated(c, 11)
        b = (b ^ a) &- rotated(a, 25)
        c = (c ^ b) &- rotated(b, 16)
        a = (a ^ c) &- rotated(c, 4)
        b = (b ^ a) &- rotated(a, 14)
        c = (c ^ b) &- rotated(b, 24)
    }
}
