/// Replaces invalid UTF-8 with U+FFFD, across the chunks of a stream. Used for pages that Postgres refused.
struct UTF8Repair {
    /// The first bytes, at most three, of a character that continues in the next chunk.
    private var pending: [UInt8] = []

    mutating func repair(_ chunk: [UInt8]) -> [UInt8] {
        let bytes = pending + chunk
        let cut = bytes.count - Self.openBytes(bytes)
        pending = Array(bytes[cut...])
        return Self.repaired(bytes[..<cut])
    }

    /// Ends the stream.
    mutating func finish() -> [UInt8] {
        defer { pending = [] }
        return Self.repaired(pending[...])
    }

    private static func repaired(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// Length of an incomplete character at the end.
    private static func openBytes(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            switch byte {
            case 0x80..<0xC0: continue
            case 0xC0..<0xE0: return count < 2 ? count : 0
            case 0xE0..<0xF0: return count < 3 ? count : 0
            case 0xF0...0xFF: return count < 4 ? count : 0
            default: return 0
            }
        }
        return 0
    }
}
