/// Where a page of results begins: opaque to callers. The samples in the documentation are row numbers in base64
/// without padding, and so are these; a page of `resultPages` has its number of rows behind a comma.
struct BulkLocator: Hashable, Sendable {
    let start: Int
    let count: Int?

    init(start: Int, count: Int? = nil) {
        self.start = start
        self.count = count
    }

    init?(_ text: String) {
        guard let decoded = Self.decoded(text) else { return nil }
        let parts = decoded.split(separator: ",", omittingEmptySubsequences: false)
        guard let start = Int(parts[0]), start >= 0, parts.count <= 2 else { return nil }
        self.start = start
        if parts.count == 2 {
            guard let count = Int(parts[1]), count > 0 else { return nil }
            self.count = count
        } else {
            count = nil
        }
    }

    var text: String { Self.encoded(count.map { "\(start),\($0)" } ?? "\(start)") }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static func encoded(_ text: String) -> String {
        var bits = 0
        var width = 0
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            bits = (bits << 8 | Int(byte)) & 0xFFFF
            width += 8
            while width >= 6 {
                bytes.append(digits[bits >> (width - 6) & 63])
                width -= 6
            }
        }
        if width > 0 { bytes.append(digits[bits << (6 - width) & 63]) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func decoded(_ text: String) -> String? {
        var bits = 0
        var width = 0
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            guard let digit = digits.firstIndex(of: byte) else { return nil }
            bits = (bits << 6 | digit) & 0xFFFF
            width += 6
            if width >= 8 {
                bytes.append(UInt8(bits >> (width - 8) & 0xFF))
                width -= 8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
