import Encoding

/// Parses the simulated part of SOQL: fields (also of parents) or `COUNT()`, one object, WHERE with AND, OR,
/// NOT, comparisons, LIKE and IN, ORDER BY, LIMIT, OFFSET. Everything else is MALFORMED_QUERY.
///
/// Documented: SOQL and SOSL Reference, "SOQL SELECT Syntax".
struct SOQLParser {
    private let tokens: [SOQLToken]
    private var place = 0

    private init(_ tokens: [SOQLToken]) {
        self.tokens = tokens
    }

    static func parse(_ query: String) throws(SOQLError) -> SOQLQuery {
        var parser = SOQLParser(try SOQLLexer.tokens(query))
        return try parser.query()
    }

    private var token: SOQLToken { tokens[place] }

    private func unexpected(_ token: SOQLToken) -> SOQLError {
        let reason = token.kind == .end ? "unexpected token: <EOF>" : "unexpected token: '\(token.text)'"
        return SOQLError(code: .malformedQuery, reason: reason, offset: token.offset)
    }

    private mutating func advance() -> SOQLToken {
        let current = token
        if place < tokens.count - 1 { place += 1 }
        return current
    }

    private mutating func skip(word: String) -> Bool {
        guard case .word(let text) = token.kind, text.uppercased() == word else { return false }
        place += 1
        return true
    }

    private mutating func skip(symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        place += 1
        return true
    }

    private mutating func expect(word: String) throws(SOQLError) {
        guard skip(word: word) else { throw unexpected(token) }
    }

    private mutating func expect(symbol: String) throws(SOQLError) {
        guard skip(symbol: symbol) else { throw unexpected(token) }
    }

    private mutating func query() throws(SOQLError) -> SOQLQuery {
        try expect(word: "SELECT")
        let selection = try selection()
        try expect(word: "FROM")
        var query = SOQLQuery(selection: selection, object: try path())
        if skip(word: "WHERE") { query.condition = try condition() }
        if skip(word: "ORDER") {
            try expect(word: "BY")
            repeat {
                query.order.append(try ordering())
            } while skip(symbol: ",")
        }
        if skip(word: "LIMIT") { query.limit = try count() }
        if skip(word: "OFFSET") { query.offset = try count() }
        guard token.kind == .end else { throw unexpected(token) }
        return query
    }

    private mutating func selection() throws(SOQLError) -> SOQLQuery.Selection {
        if case .word(let text) = token.kind, text.uppercased() == "COUNT",
            tokens[place + 1].kind == .symbol("(")
        {
            place += 2
            try expect(symbol: ")")
            return .count
        }
        var paths: [SOQLQuery.FieldPath] = []
        repeat {
            paths.append(try path())
        } while skip(symbol: ",")
        return .fields(paths)
    }

    private mutating func path() throws(SOQLError) -> SOQLQuery.FieldPath {
        guard case .word(let text) = token.kind else { throw unexpected(token) }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }) else { throw unexpected(token) }
        let offset = token.offset
        place += 1
        return SOQLQuery.FieldPath(parts: parts, offset: offset)
    }

    private mutating func count() throws(SOQLError) -> Int {
        guard case .number(let text) = token.kind, let count = Int(text), count >= 0 else {
            throw unexpected(token)
        }
        place += 1
        return count
    }

    private mutating func ordering() throws(SOQLError) -> SOQLQuery.Ordering {
        let path = try path()
        let isDescending = skip(word: "DESC")
        if !isDescending { _ = skip(word: "ASC") }
        var nullsFirst: Bool?
        if skip(word: "NULLS") {
            nullsFirst = skip(word: "FIRST")
            if nullsFirst == false { try expect(word: "LAST") }
        }
        return SOQLQuery.Ordering(path: path, isDescending: isDescending, nullsFirst: nullsFirst)
    }

    /// AND and OR may not be mixed without parentheses. Documented.
    private mutating func condition() throws(SOQLError) -> SOQLCondition {
        var parts = [try operand()]
        if skip(word: "AND") {
            repeat {
                parts.append(try operand())
            } while skip(word: "AND")
            return .all(parts)
        }
        if skip(word: "OR") {
            repeat {
                parts.append(try operand())
            } while skip(word: "OR")
            return .any(parts)
        }
        return parts[0]
    }

    private mutating func operand() throws(SOQLError) -> SOQLCondition {
        if skip(word: "NOT") { return .not(try operand()) }
        if skip(symbol: "(") {
            let inner = try condition()
            try expect(symbol: ")")
            return inner
        }
        let path = try path()
        if skip(word: "IN") { return .membership(path, try list(), isNegated: false) }
        if skip(word: "NOT") {
            try expect(word: "IN")
            return .membership(path, try list(), isNegated: true)
        }
        if skip(word: "LIKE") { return .comparison(path, .like, try literal()) }
        guard case .symbol(let text) = token.kind,
            let comparison = SOQLCondition.Operator(rawValue: text == "<>" ? "!=" : text)
        else { throw unexpected(token) }
        place += 1
        return .comparison(path, comparison, try literal())
    }

    private mutating func list() throws(SOQLError) -> [SOQLLiteral] {
        try expect(symbol: "(")
        var literals: [SOQLLiteral] = []
        repeat {
            literals.append(try literal())
        } while skip(symbol: ",")
        try expect(symbol: ")")
        return literals
    }

    private mutating func literal() throws(SOQLError) -> SOQLLiteral {
        let current = advance()
        switch current.kind {
        case .string(let text): return SOQLLiteral(value: .string(text), offset: current.offset)
        case .word(let text):
            switch text.uppercased() {
            case "NULL": return SOQLLiteral(value: .null, offset: current.offset)
            case "TRUE": return SOQLLiteral(value: .boolean(true), offset: current.offset)
            case "FALSE": return SOQLLiteral(value: .boolean(false), offset: current.offset)
            default: throw unexpected(current)
            }
        case .number(let text):
            if let number = Double(text) {
                return SOQLLiteral(value: .number(number), offset: current.offset)
            }
            if let days = ISO8601.date(text) {
                return SOQLLiteral(value: .date(days), offset: current.offset)
            }
            if let moment = ISO8601.instant(text) {
                return SOQLLiteral(value: .instant(moment), offset: current.offset)
            }
            throw unexpected(current)
        case .symbol, .end: throw unexpected(current)
        }
    }
}
