/// The quoted-printable encoding of text (RFC 2045 section 6.7).
enum QuotedPrintable {
    private static let lineCharacters = 76
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// All line ends become CR LF. No line is longer than 76 characters.
    static func encode(_ text: String) -> String {
        var output: [UInt8] = []
        var column = 0
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if byte == 13 || byte == 10 {
                if byte == 13, index < bytes.count, bytes[index] == 10 { index += 1 }
                output += [13, 10]
                column = 0
                continue
            }
            let isLastOfLine = index == bytes.count || bytes[index] == 13 || bytes[index] == 10
            let piece = encode(byte, isLastOfLine: isLastOfLine)
            // One column is reserved for the `=` of a soft line break.
            if column + piece.count >= lineCharacters {
                output += [UInt8(ascii: "="), 13, 10]
                column = 0
            }
            output += piece
            column += piece.count
        }
        return String(decoding: output, as: UTF8.self)
    }

    private static func encode(_ byte: UInt8, isLastOfLine: Bool) -> [UInt8] {
        let isBlank = byte == 32 || byte == 9
        let isPlain = (33...126).contains(byte) && byte != UInt8(ascii: "=")
        if isPlain || (isBlank && !isLastOfLine) { return [byte] }
        return [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
