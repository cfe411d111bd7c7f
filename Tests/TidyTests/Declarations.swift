/// A word or a sign of Swift code.
struct Token: Sendable {
    let text: String
    let line: Int
    /// Whether it is a name or a keyword.
    let isWord: Bool
    /// Whether a line begins with it.
    let isFirst: Bool

    static func all(in lines: [String]) -> [Token] {
        var tokens: [Token] = []
        for (number, line) in lines.enumerated() {
            var isFirst = true
            var word: [UInt8] = []
            func end() {
                guard !word.isEmpty else { return }
                tokens.append(
                    Token(
                        text: String(decoding: word, as: UTF8.self), line: number, isWord: true,
                        isFirst: isFirst))
                isFirst = false
                word = []
            }
            for byte in line.utf8 {
                let isLetter = (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
                if isLetter || byte == 0x5f || byte >= 0x80 || (0x30...0x39).contains(byte) {
                    word.append(byte)
                    continue
                }
                end()
                // Backticks are no part of a name.
                guard byte != 0x20, byte != 0x60 else { continue }
                tokens.append(
                    Token(
                        text: String(decoding: [byte], as: UTF8.self), line: number, isWord: false,
                        isFirst: isFirst))
                isFirst = false
            }
            end()
        }
        return tokens
    }
}

/// Something that a file declares outside of functions.
struct Declaration: Sendable {
    enum Kind: Sendable {
        case type
        case function
        case variable
        case enumCase
    }

    let kind: Kind
    let name: String
    /// From 0.
    let line: Int
    let isTopLevel: Bool
    /// Whether its enum has raw values, so that code can make a case without its name.
    let hasRawValues: Bool
    /// The type that the surrounding extension extends.
    let extended: String?
    let isPrivate: Bool
}

/// The lines of a function, initializer, type or extension.
struct Body: Sendable {
    /// The name of the type; empty for a function.
    let name: String
    let firstLine: Int
    let lastLine: Int
}

/// The declarations of a file, found by its words and braces.
struct Declarations: Sendable {
    private(set) var all: [Declaration] = []
    private(set) var functions: [Body] = []
    /// Also extensions.
    private(set) var types: [Body] = []

    private enum Scope {
        case type(TypeHead)
        case function(line: Int)
        case code
    }

    private enum Pending {
        case none
        case type(TypeHead)
        case function(line: Int)
    }

    private struct TypeHead {
        let name: String
        let keyword: String
        let hasRawValues: Bool
        let line: Int
    }

    private static let typeKeywords: Set = ["struct", "class", "enum", "protocol", "actor", "extension"]
    private static let modifiedByClass: Set = ["func", "var", "let", "subscript"]

    init(_ tokens: [Token]) {
        var scopes: [Scope] = []
        var pending = Pending.none
        var parentheses = 0
        for (index, token) in tokens.enumerated() {
            let next = index + 1 < tokens.count ? tokens[index + 1] : nil
            switch token.text {
            case "(", "[": parentheses += 1
            case ")", "]": parentheses -= 1
            case "{":
                switch pending {
                case .type(let head) where parentheses == 0:
                    scopes.append(.type(head))
                    pending = .none
                case .function(let line) where parentheses == 0:
                    scopes.append(.function(line: line))
                    pending = .none
                default: scopes.append(.code)
                }
            case "}":
                switch scopes.popLast() {
                case .function(let line)?:
                    functions.append(Body(name: "", firstLine: line, lastLine: token.line))
                case .type(let head)?:
                    types.append(Body(name: head.name, firstLine: head.line, lastLine: token.line))
                default: break
                }
                pending = .none
            default:
                guard token.isWord, index == 0 || tokens[index - 1].text != "." else { continue }
                let isPrivate = tokens[..<index].suffix(4).contains {
                    $0.line == token.line && ["private", "fileprivate"].contains($0.text)
                }
                let isInType: Bool
                switch scopes.last {
                case nil, .type?: isInType = true
                default: isInType = false
                }
                if Self.typeKeywords.contains(token.text), let next, next.isWord,
                    !Self.modifiedByClass.contains(next.text), isInType || token.text != "class"
                {
                    let raw = Self.hasRawValues(tokens[index...])
                    pending = .type(
                        TypeHead(name: next.text, keyword: token.text, hasRawValues: raw, line: token.line))
                    guard token.text != "extension", isInType else { continue }
                    add(.type, next, scopes, isPrivate)
                } else if ["func", "init", "subscript"].contains(token.text), isInType, parentheses == 0 {
                    pending = .function(line: token.line)
                    if token.text == "func", let next, next.isWord { add(.function, next, scopes, isPrivate) }
                } else if ["var", "let"].contains(token.text), isInType, parentheses == 0, let next {
                    pending = .none
                    if next.isWord { add(.variable, next, scopes, isPrivate) }
                } else if token.text == "typealias", isInType, let next {
                    add(.type, next, scopes, isPrivate)
                } else if token.text == "case", case .type(let head)? = scopes.last, head.keyword == "enum" {
                    for name in Self.cases(tokens[(index + 1)...]) { add(.enumCase, name, scopes, false) }
                }
            }
        }
    }

    private mutating func add(
        _ kind: Declaration.Kind, _ name: Token, _ scopes: [Scope], _ isPrivate: Bool
    ) {
        var (hasRawValues, extended) = (false, String?.none)
        if case .type(let head)? = scopes.last {
            hasRawValues = head.hasRawValues
            if head.keyword == "extension" { extended = head.name }
        }
        all.append(
            Declaration(
                kind: kind, name: name.text, line: name.line, isTopLevel: scopes.isEmpty,
                hasRawValues: hasRawValues, extended: extended, isPrivate: isPrivate))
    }

    /// Whether the inheritance clause of an enum names a raw type, or all of its cases.
    private static func hasRawValues(_ tokens: ArraySlice<Token>) -> Bool {
        let raw: Set = ["String", "Int", "Int32", "UInt8", "UInt16", "UInt32", "CaseIterable", "Character"]
        return tokens.prefix { $0.text != "{" }.dropFirst(2).contains { raw.contains($0.text) }
    }

    /// The names in `case a, b(Int), c = 1`.
    private static func cases(_ tokens: ArraySlice<Token>) -> [Token] {
        var names: [Token] = []
        var depth = 0
        var isExpected = true
        for token in tokens {
            if token.isFirst, depth == 0, !isExpected { break }
            switch token.text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "}" where depth == 0: return names
            case "," where depth == 0: isExpected = true
            default:
                if isExpected, token.isWord { names.append(token) }
                if depth == 0 { isExpected = false }
            }
        }
        return names
    }
}
