/// Splits a script into its statements, as psql does: at semicolons outside of strings, quoted names,
/// dollar quotes and comments. Source: PostgreSQL 15 documentation, 4.1.
struct SQLScript {
    private let bytes: [UInt8]
    private var index = 0
    private var start = 0
    private var hasContent = false

    private init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The statements without their semicolons. Parts of only comments and blanks are skipped.
    static func statements(of text: String) -> [String] {
        var script = SQLScript(text)
        var statements: [String] = []
        while let statement = script.next() { statements.append(statement) }
        return statements
    }

    private mutating func next() -> String? {
        start = index
        hasContent = false
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: ";") {
                defer { index += 1 }
                if hasContent { return text(start..<index) }
                start = index + 1
                continue
            }
            step()
        }
        return hasContent ? text(start..<index) : nil
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }

    private func at(_ offset: Int) -> UInt8? {
        index + offset < bytes.count ? bytes[index + offset] : nil
    }

    private mutating func step() {
        switch bytes[index] {
        case UInt8(ascii: "-") where at(1) == UInt8(ascii: "-"):
            while let byte = at(0), byte != UInt8(ascii: "\n") { index += 1 }
        case UInt8(ascii: "/") where at(1) == UInt8(ascii: "*"):
            blockComment()
        case UInt8(ascii: "'"):
            quoted(by: UInt8(ascii: "'"), escapes: isEscapeString)
        case UInt8(ascii: "\""):
            quoted(by: UInt8(ascii: "\""), escapes: false)
        case UInt8(ascii: "$"):
            dollarQuoted()
        case 9, 10, 12, 13, 32:
            index += 1
        default:
            hasContent = true
            index += 1
        }
    }

    /// Comments nest.
    private mutating func blockComment() {
        var depth = 0
        repeat {
            if at(0) == UInt8(ascii: "/"), at(1) == UInt8(ascii: "*") {
                depth += 1
                index += 2
            } else if at(0) == UInt8(ascii: "*"), at(1) == UInt8(ascii: "/") {
                depth -= 1
                index += 2
            } else {
                index += 1
            }
        } while depth > 0 && index < bytes.count
        index = min(index, bytes.count)
    }

    /// Whether the quote follows an E that is not the end of a longer word.
    private var isEscapeString: Bool {
        guard index > start, bytes[index - 1] | 0x20 == UInt8(ascii: "e") else { return false }
        return index - 1 == start || !isWordByte(bytes[index - 2])
    }

    /// A doubled quote ends one string and starts another, with the same effect.
    private mutating func quoted(by quote: UInt8, escapes: Bool) {
        hasContent = true
        index += 1
        while let byte = at(0), byte != quote {
            index += escapes && byte == UInt8(ascii: "\\") ? 2 : 1
        }
        index = min(index + 1, bytes.count)
    }

    private mutating func dollarQuoted() {
        hasContent = true
        var end = index + 1
        while end < bytes.count, isWordByte(bytes[end]), bytes[end] != UInt8(ascii: "$") { end += 1 }
        // `$1` is a parameter and `a$b` a name, not the start of a quote.
        let isTag =
            end < bytes.count && bytes[end] == UInt8(ascii: "$")
            && !(48...57).contains(bytes[index + 1])
            && (index == start || !isWordByte(bytes[index - 1]))
        guard isTag else {
            index += 1
            return
        }
        let tag = bytes[index...end]
        index = end + 1
        while index < bytes.count {
            if bytes[index...].starts(with: tag) {
                index += tag.count
                return
            }
            index += 1
        }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, UInt8(ascii: "_"), UInt8(ascii: "$"), 128...255: true
        default: false
        }
    }
}
