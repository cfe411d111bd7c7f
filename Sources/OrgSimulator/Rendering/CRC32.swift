/// The checksum of gzip (RFC 1952), computed eight bytes at a time.
struct CRC32: Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Table `k` advances a byte by `k` further zero bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
            tables[byte] = value
        }
        for table in 1..<8 {
            for byte in 0..<256 {
                let before = tables[(table - 1) * 256 + byte]
                tables[table * 256 + byte] = tables[Int(before & 0xFF)] ^ before >> 8
            }
        }
        return tables
    }()

    /// The checksum of everything so far.
    var value: UInt32 { ~state }

    mutating func add(_ bytes: ArraySlice<UInt8>) {
        let tables = Self.tables
        var place = bytes.startIndex
        var crc = state
        while place + 8 <= bytes.endIndex {
            let low =
                crc ^ UInt32(bytes[place]) ^ UInt32(bytes[place + 1]) << 8 ^ UInt32(bytes[place + 2]) << 16
                ^ UInt32(bytes[place + 3]) << 24
            let first =
                tables[1792 + Int(low & 0xFF)] ^ tables[1536 + Int(low >> 8 & 0xFF)]
                ^ tables[1280 + Int(low >> 16 & 0xFF)] ^ tables[1024 + Int(low >> 24)]
            let second =
                tables[768 + Int(bytes[place + 4])] ^ tables[512 + Int(bytes[place + 5])]
                ^ tables[256 + Int(bytes[place + 6])] ^ tables[Int(bytes[place + 7])]
            crc = first ^ second
            place += 8
        }
        while place < bytes.endIndex {
            crc = tables[Int((crc ^ UInt32(bytes[place])) & 0xFF)] ^ crc >> 8
            place += 1
        }
        state = crc
    }
}
