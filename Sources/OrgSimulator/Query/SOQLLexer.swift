/// Splits a query into tokens. Documented: SOQL and SOSL Reference, "Quoted String Escape Sequences".
struct SOQLLexer {
    private let characters: [Character]
    private var place = 0

    init(_ query: String) {
        characters = Array(query)
    }

    /// All tokens. The last one is `end`.
    static func tokens(_ query: String) throws(SOQLError) -> [SOQLToken] {
        var lexer = SOQLLexer(query)
        var tokens: [SOQLToken] = []
        repeat {
            tokens.append(try lexer.next())
        } while tokens.last?.kind != .end
        return tokens
    }

    private mutating func next() throws(SOQLError) -> SOQLToken {
        while place < characters.count, characters[place].isWhitespace { place += 1 }
        let start = place
        guard place < characters.count else { return SOQLToken(kind: .end, offset: start) }
        let first = characters[place]
        if first == "'" { return SOQLToken(kind: .string(try string()), offset: start) }
        if first.isLetter || first == "_" {
            return SOQLToken(
                kind: .word(take { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }), offset: start)
        }
        if first.isNumber || first == "-" || first == "+" || first == "." {
            place += 1
            let rest = take { $0.isNumber || $0.isLetter || $0 == "-" || $0 == "+" || $0 == ":" || $0 == "." }
            return SOQLToken(kind: .number(String(first) + rest), offset: start)
        }
        let pair = String(characters[place..<min(place + 2, characters.count)])
        if ["!=", "<>", "<=", ">="].contains(pair) {
            place += 2
            return SOQLToken(kind: .symbol(pair), offset: start)
        }
        guard "(),=<>:".contains(first) else {
            throw SOQLError(code: .malformedQuery, reason: "unexpected char: '\(first)'", offset: start)
        }
        place += 1
        return SOQLToken(kind: .symbol(String(first)), offset: start)
    }

    private mutating func take(while belongs: (Character) -> Bool) -> String {
        let start = place
        while place < characters.count, belongs(characters[place]) { place += 1 }
        return String(characters[start..<place])
    }

    private mutating func string() throws(SOQLError) -> String {
        let start = place
        var text = ""
        place += 1
        while place < characters.count {
            let character = characters[place]
            place += 1
            if character == "'" { return text }
            guard character == "\\" else {
                text.append(character)
                continue
            }
            guard place < characters.count else { break }
            text.append(try escaped(characters[place], at: place - 1))
            place += 1
        }
        throw SOQLError(code: .malformedQuery, reason: "unexpected end of string", offset: start)
    }

    private mutating func escaped(_ character: Character, at offset: Int) throws(SOQLError) -> Character {
        switch character {
        case "n", "N": return "\n"
        case "r", "R": return "\r"
        case "t", "T": return "\t"
        case "b", "B": return "\u{8}"
        case "f", "F": return "\u{C}"
        case "\"", "'", "\\", "_", "%": return character
        case "u":
            let digits = String(characters[(place + 1)...].prefix(4))
            if digits.count == 4, let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) {
                place += 4
                return Character(scalar)
            }
        default: break
        }
        throw SOQLError(
            code: .malformedQuery,
            reason: "Invalid string literal '\\\(character)'. Illegal character sequence",
            offset: offset)
    }
}
