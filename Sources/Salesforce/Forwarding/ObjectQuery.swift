/// SOQL that reads one object only, so that an allow-list of objects can decide about it.
///
/// A SOQL text reaches further objects by relationship paths (`Owner.Email`), by nested queries in the fields
/// or in conditions, and by `TYPEOF`. None of them is accepted here. A path is refused by its dot, a nested
/// query by its second SELECT.
package struct ObjectQuery: Sendable, Equatable {
    /// Why a query is refused.
    package enum Refusal: String, Error, Sendable {
        case tooLong = "the query is too long"
        case malformed = "the query is not SELECT fields FROM object"
        case unclosedText = "a text has no closing quote"
        case character = "the query has a character that SOQL does not use"
        case relationship = "the query names a field of another object"
        case nested = "the query has a second query inside"
        case clause = "the query has a clause that is not supported"
    }

    package let object: ObjectName
    let text: String

    /// Characters of a query that a page sends.
    private static let maximumBytes = 4_000
    /// Words that make a query reach other objects, all rows, or more than reading.
    private static let refused: Set = ["typeof", "using", "all", "for", "update", "with", "fields"]

    private enum Token: Equatable {
        /// In lower case.
        case word(String)
        case symbol(Character)
        case text
        case number
    }

    package init(parsing text: String) throws(Refusal) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        let tokens = try Self.tokens(of: text)
        guard tokens.first == .word("select") else { throw .malformed }
        guard tokens.dropFirst().allSatisfy({ $0 != .word("select") }) else { throw .nested }
        guard !tokens.contains(.symbol(".")) else { throw .relationship }
        for token in tokens {
            if case .word(let word) = token, Self.refused.contains(word) { throw .clause }
        }
        guard let from = tokens.firstIndex(of: .word("from")), from > 1, from + 1 < tokens.count,
            tokens.lastIndex(of: .word("from")) == from, case .word(let name) = tokens[from + 1],
            let object = ObjectName(name)
        else { throw .malformed }
        // A second source (`FROM Account a, a.Contacts c`) or an alias must not follow.
        if from + 2 < tokens.count {
            guard case .word(let next) = tokens[from + 2],
                ["where", "order", "group", "limit", "offset", "having"].contains(next)
            else { throw .clause }
        }
        self.object = object
        self.text = text
    }

    private static func tokens(of text: String) throws(Refusal) -> [Token] {
        var tokens: [Token] = []
        var rest = Array(text.unicodeScalars)[...]
        while let scalar = rest.first {
            if scalar == "'" {
                rest = try afterText(rest)
                tokens.append(.text)
            } else if isWordStart(scalar) {
                let word = rest.prefix { isWordStart($0) || isDigit($0) }
                rest = rest.dropFirst(word.count)
                tokens.append(.word(String(String.UnicodeScalarView(word)).lowercased()))
            } else if isDigit(scalar) {
                // Numbers, dates and times: their dots are no paths.
                rest = rest.drop { isDigit($0) || "TZEe:-+.".unicodeScalars.contains($0) }
                tokens.append(.number)
            } else if " \t\r\n".unicodeScalars.contains(scalar) {
                rest.removeFirst()
            } else if "(),=<>!+-.:".unicodeScalars.contains(scalar) {
                rest.removeFirst()
                tokens.append(.symbol(Character(scalar)))
            } else {
                throw .character
            }
        }
        return tokens
    }

    /// Skips a text in quotes. A backslash escapes the next character.
    private static func afterText(_ text: ArraySlice<Unicode.Scalar>) throws(Refusal)
        -> ArraySlice<Unicode.Scalar>
    {
        var rest = text.dropFirst()
        while let scalar = rest.popFirst() {
            if scalar == "'" { return rest }
            if scalar == "\\" { _ = rest.popFirst() }
        }
        throw .unclosedText
    }

    private static func isWordStart(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
