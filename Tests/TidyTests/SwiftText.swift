/// The text of a Swift file, split into code, comments and string literals. Each part has the file's lines,
/// with everything else replaced by spaces. An interpolation counts as code.
struct SwiftText: Sendable {
    let code: [String]
    let comments: [String]
    let literals: [String]

    init(_ text: String) {
        var splitter = Splitter(bytes: Array(text.utf8))
        splitter.run()
        code = Self.lines(splitter.code)
        comments = Self.lines(splitter.comments)
        literals = Self.lines(splitter.literals)
    }

    private static func lines(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }
}

private struct Splitter {
    private enum Mode {
        /// Open parentheses, for the end of an interpolation.
        case code(depth: Int)
        case literal(hashes: Int, isMultiline: Bool)
        case lineComment
        case blockComment
    }

    private enum Part {
        case code
        case comment
        case literal
    }

    let bytes: [UInt8]
    private(set) var code: [UInt8] = []
    private(set) var comments: [UInt8] = []
    private(set) var literals: [UInt8] = []
    private var modes: [Mode] = [.code(depth: 0)]
    private var index = 0
    /// The last byte of code that is not a space, to tell a regular expression from a division.
    private var previous: UInt8 = 0x28

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func run() {
        while index < bytes.count {
            switch modes[modes.count - 1] {
            case .code(let depth): readCode(depth)
            case .literal(let hashes, let isMultiline): readLiteral(hashes, isMultiline)
            case .lineComment:
                if bytes[index] == 0x0a { modes.removeLast() }
                emit(1, .comment)
            case .blockComment:
                let isEnd = has("*/")
                emit(isEnd ? 2 : 1, .comment)
                if isEnd { modes.removeLast() }
            }
        }
    }

    private func has(_ text: StaticString, at offset: Int = 0) -> Bool {
        var position = index + offset
        return text.withUTF8Buffer { text in
            for byte in text {
                guard position < bytes.count, bytes[position] == byte else { return false }
                position += 1
            }
            return true
        }
    }

    private mutating func emit(_ count: Int, _ part: Part) {
        for byte in bytes[index..<min(index + count, bytes.count)] {
            let blank: UInt8 = byte == 0x0a ? byte : 0x20
            code.append(part == .code ? byte : blank)
            comments.append(part == .comment ? byte : blank)
            literals.append(part == .literal ? byte : blank)
        }
        index += count
    }

    private mutating func readCode(_ depth: Int) {
        if has("//") {
            modes.append(.lineComment)
            return emit(2, .comment)
        }
        if has("/*") {
            modes.append(.blockComment)
            return emit(2, .comment)
        }
        if let length = regularExpression() {
            previous = 0x2f
            return emit(length, .literal)
        }
        var hashes = 0
        while has("#", at: hashes) { hashes += 1 }
        if has("\"", at: hashes) {
            let isMultiline = has("\"\"\"", at: hashes)
            modes.append(.literal(hashes: hashes, isMultiline: isMultiline))
            previous = 0x22
            return emit(hashes + (isMultiline ? 3 : 1), .literal)
        }
        let byte = bytes[index]
        if byte == 0x28 { modes[modes.count - 1] = .code(depth: depth + 1) }
        if byte == 0x29 {
            if depth == 1, modes.count > 1 {
                modes.removeLast()
                return emit(1, .literal)
            }
            modes[modes.count - 1] = .code(depth: depth - 1)
        }
        if byte != 0x20, byte != 0x0a { previous = byte }
        emit(1, .code)
    }

    /// The length of a regular expression that begins here and ends on this line.
    private func regularExpression() -> Int? {
        guard bytes[index] == 0x2f, [0x28, 0x2c, 0x3d, 0x3a, 0x5b].contains(previous) else { return nil }
        var position = index + 1
        guard position < bytes.count, bytes[position] != 0x20 else { return nil }
        while position < bytes.count, bytes[position] != 0x0a {
            if bytes[position] == 0x5c {
                position += 2
                continue
            }
            if bytes[position] == 0x2f { return position - index + 1 }
            position += 1
        }
        return nil
    }

    private mutating func readLiteral(_ hashes: Int, _ isMultiline: Bool) {
        let quotes = isMultiline ? 3 : 1
        let isQuote = isMultiline ? has("\"\"\"") : has("\"")
        if isQuote, (0..<hashes).allSatisfy({ has("#", at: quotes + $0) }) {
            modes.removeLast()
            return emit(quotes + hashes, .literal)
        }
        if !isMultiline, has("\n") {
            modes.removeLast()
            return emit(1, .literal)
        }
        guard has("\\"), (0..<hashes).allSatisfy({ has("#", at: 1 + $0) }) else { return emit(1, .literal) }
        guard has("(", at: 1 + hashes) else { return emit(2 + hashes, .literal) }
        emit(2 + hashes, .literal)
        modes.append(.code(depth: 1))
        previous = 0x28
    }
}
