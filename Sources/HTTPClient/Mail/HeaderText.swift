internal import Encoding

/// Free text in mail headers (RFC 5322, RFC 2047). The output is printable ASCII in folded lines for any
/// input, so no text can end a header or begin another.
enum HeaderText {
    /// 45 bytes are 60 characters of Base64. With `=?utf-8?B?` and `?=` they stay below the 75 of RFC 2047.
    private static let encodedWordBytes = 45
    /// Up to this length, a plain value fits on its header's line.
    private static let plainCharacters = 60

    /// For an unstructured header, such as a subject.
    static func unstructured(_ text: String) -> String {
        let bytes = text.utf8
        let isPlain =
            bytes.allSatisfy { (32...126).contains($0) } && bytes.count <= plainCharacters
            && !text.contains("=?") && bytes.first != 32 && bytes.last != 32
        return isPlain ? text : encodedWords(text)
    }

    /// For a display name: letters, digits and single spaces stay, all else is encoded.
    static func phrase(_ text: String) -> String {
        let isPlain =
            text.utf8.allSatisfy { isAlphanumeric($0) || $0 == 32 } && text.utf8.count <= plainCharacters
            && text.utf8.first != 32 && text.utf8.last != 32
        return isPlain ? text : encodedWords(text)
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// Split between characters, as RFC 2047 section 5 requires. Control characters become spaces.
    private static func encodedWords(_ text: String) -> String {
        var words: [[UInt8]] = [[]]
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 32 || (127...159).contains(scalar.value)
            let bytes = isControl ? [32] : Array(String(scalar).utf8)
            if words[words.count - 1].count + bytes.count > encodedWordBytes { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Base64.encode($0))?=" }.joined(separator: "\r\n ")
    }
}
