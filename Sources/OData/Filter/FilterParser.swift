/// Parses `$filter`. Operators bind as OData says: `not`, comparisons, `and`, `or`.
struct FilterParser {
    private let tokens: [FilterLexer.Placed]
    private let version: ODataVersion
    private var index = 0
    private var depth = 0

    static func parse(_ text: String, _ version: ODataVersion) throws(ODataError) -> FilterExpression {
        var parser = FilterParser(
            tokens: try FilterLexer.tokens(of: text, version), version: version)
        let expression = try parser.disjunction()
        guard parser.current.token == .end else { throw parser.unexpected() }
        return expression
    }

    private init(tokens: [FilterLexer.Placed], version: ODataVersion) {
        self.tokens = tokens
        self.version = version
    }

    private var current: FilterLexer.Placed { tokens[index] }

    private func isWord(_ word: String) -> Bool { current.token == .word(word) }

    private func unexpected() -> ODataError {
        switch current.token {
        case .word(let word): ODataError(.syntax, "unexpected \"\(word)\"", at: current.position)
        case .literal: ODataError(.syntax, "unexpected value", at: current.position)
        case .open: ODataError(.syntax, "unexpected \"(\"", at: current.position)
        case .close: ODataError(.syntax, "unexpected \")\"", at: current.position)
        case .comma: ODataError(.syntax, "unexpected \",\"", at: current.position)
        case .equals: ODataError(.syntax, "unexpected \"=\"", at: current.position)
        case .end: ODataError(.syntax, "the expression ends too early", at: current.position)
        }
    }

    private mutating func take(_ token: FilterLexer.Token) throws(ODataError) {
        guard current.token == token else { throw unexpected() }
        index += 1
    }

    private mutating func disjunction() throws(ODataError) -> FilterExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= ODataLimits.filterDepth else {
            throw ODataError(
                .tooLarge, "more than \(ODataLimits.filterDepth) levels of brackets", at: current.position)
        }
        var parts = [try conjunction()]
        while isWord("or") {
            index += 1
            parts.append(try conjunction())
        }
        return parts.count == 1 ? parts[0] : .any(parts)
    }

    private mutating func conjunction() throws(ODataError) -> FilterExpression {
        var parts = [try comparison()]
        while isWord("and") {
            index += 1
            parts.append(try comparison())
        }
        return parts.count == 1 ? parts[0] : .all(parts)
    }

    private mutating func comparison() throws(ODataError) -> FilterExpression {
        let left = try operand()
        guard case .word(let word) = current.token else { return left }
        let position = current.position
        if let comparison = FilterComparison(rawValue: word) {
            index += 1
            return .comparison(comparison, left, try operand(), at: position)
        }
        if word == "in", version == .v4 {
            index += 1
            return .membership(left, of: try list(), at: position)
        }
        if ["and", "or"].contains(word) { return left }
        throw ODataError(.syntax, "unknown operator \"\(word)\"", at: position)
    }

    /// The values in brackets behind `in`.
    private mutating func list() throws(ODataError) -> [FilterExpression] {
        try take(.open)
        var values: [FilterExpression] = []
        while true {
            guard case .literal(let literal) = current.token else { throw unexpected() }
            values.append(.literal(literal, at: current.position))
            index += 1
            if current.token == .close { break }
            try take(.comma)
        }
        try take(.close)
        return values
    }

    private mutating func operand() throws(ODataError) -> FilterExpression {
        let placed = current
        switch placed.token {
        case .literal(let literal):
            index += 1
            return .literal(literal, at: placed.position)
        case .open:
            index += 1
            let expression = try disjunction()
            try take(.close)
            return expression
        case .word("not"):
            index += 1
            depth += 1
            defer { depth -= 1 }
            guard depth <= ODataLimits.filterDepth else {
                throw ODataError(.tooLarge, "too many \"not\"", at: placed.position)
            }
            return .not(try operand())
        case .word(let word):
            index += 1
            guard current.token == .open else {
                let isOperator = FilterComparison(rawValue: word) != nil || ["and", "or"].contains(word)
                guard !isOperator else {
                    throw ODataError(.syntax, "unexpected \"\(word)\"", at: placed.position)
                }
                return .property(word, at: placed.position)
            }
            return try call(word, at: placed.position)
        case .close, .comma, .equals, .end: throw unexpected()
        }
    }

    private mutating func call(_ name: String, at position: Int) throws(ODataError) -> FilterExpression {
        guard let function = FilterFunction(rawValue: name), function.exists(in: version) else {
            throw ODataError(.unsupported, "unknown function \"\(name)\"", at: position)
        }
        try take(.open)
        var arguments: [FilterExpression] = []
        while current.token != .close {
            if !arguments.isEmpty { try take(.comma) }
            arguments.append(try disjunction())
        }
        try take(.close)
        guard arguments.count == function.argumentCount else {
            let count = function.argumentCount
            throw ODataError(
                .syntax, "\(name) takes \(count) \(count == 1 ? "argument" : "arguments")", at: position)
        }
        return .call(function, arguments, at: position)
    }
}
