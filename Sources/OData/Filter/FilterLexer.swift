import Encoding

/// The words of an expression with their positions.
struct FilterLexer {
    enum Token: Equatable, Sendable {
        /// A property, an operator or a function.
        case word(String)
        case literal(FilterLiteral)
        case open
        case close
        case comma
        case equals
        case end
    }

    struct Placed: Equatable, Sendable {
        let token: Token
        /// From 1.
        let position: Int
    }

    private let characters: [Unicode.Scalar]
    private let version: ODataVersion
    private var index = 0

    /// The tokens of a text; the last one is `.end`.
    static func tokens(of text: String, _ version: ODataVersion) throws(ODataError) -> [Placed] {
        var lexer = FilterLexer(text, version)
        var tokens: [Placed] = []
        while true {
            let placed = try lexer.next()
            tokens.append(placed)
            guard tokens.count <= ODataLimits.filterTokens else {
                throw ODataError(.tooLarge, "the expression has more than \(ODataLimits.filterTokens) words")
            }
            if placed.token == .end { return tokens }
        }
    }

    private init(_ text: String, _ version: ODataVersion) {
        characters = Array(text.unicodeScalars)
        self.version = version
    }

    private var current: Unicode.Scalar? { index < characters.count ? characters[index] : nil }

    private mutating func next() throws(ODataError) -> Placed {
        while let scalar = current, scalar == " " || scalar == "\t" { index += 1 }
        let position = index + 1
        guard let scalar = current else { return Placed(token: .end, position: position) }
        let single: Token? =
            switch scalar {
            case "(": .open
            case ")": .close
            case ",": .comma
            case "=": .equals
            default: nil
            }
        if let single {
            index += 1
            return Placed(token: single, position: position)
        }
        if scalar == "'" { return Placed(token: .literal(.string(try quoted())), position: position) }
        if let guid = guid() { return Placed(token: .literal(.guid(guid)), position: position) }
        if isDigit(scalar) || scalar == "-" || scalar == "+" || scalar == "." {
            return Placed(token: .literal(try number(at: position)), position: position)
        }
        guard isNameStart(scalar) else { throw ODataError(.syntax, "unexpected \"\(scalar)\"", at: position) }
        return Placed(token: try word(at: position), position: position)
    }

    private mutating func word(at position: Int) throws(ODataError) -> Token {
        var text = ""
        while let scalar = current, isNameStart(scalar) || isDigit(scalar) || scalar == "$" {
            text.unicodeScalars.append(scalar)
            index += 1
        }
        if current == "'" { return .literal(try typed(text, try quoted(), at: position)) }
        if current == "/" { throw ODataError(.unsupported, "paths are not supported", at: index + 1) }
        switch text {
        case "null": return .literal(.null)
        case "true": return .literal(.boolean(true))
        case "false": return .literal(.boolean(false))
        default: return .word(text)
        }
    }

    /// `datetime'...'` and the other literals with a type.
    private func typed(_ type: String, _ text: String, at position: Int) throws(ODataError) -> FilterLiteral {
        let literal: FilterLiteral? =
            switch type {
            case "datetime": FilterText.instant(text + "Z").map(FilterLiteral.instant)
            case "datetimeoffset": FilterText.instant(text).map(FilterLiteral.instant)
            case "guid": FilterText.isGUID(text) ? .guid(text) : nil
            case "time": FilterText.duration(text).map(FilterLiteral.time)
            case "binary", "X":
                version == .v4
                    ? Base64.decode(text, .url).map(FilterLiteral.bytes)
                    : Hex.decode(text).map(FilterLiteral.bytes)
            default: nil
            }
        guard let literal else { throw ODataError(.syntax, "\(type)'...' is no value", at: position) }
        return literal
    }

    /// A text in quotes. Two quotes inside it stand for one.
    private mutating func quoted() throws(ODataError) -> String {
        let start = index + 1
        var text = ""
        index += 1
        while let scalar = current {
            index += 1
            if scalar == "'" {
                guard current == "'" else { return text }
                index += 1
            }
            text.unicodeScalars.append(scalar)
        }
        throw ODataError(.syntax, "the text does not end", at: start)
    }

    /// A number, a date or a time.
    private mutating func number(at position: Int) throws(ODataError) -> FilterLiteral {
        var text = ""
        while let scalar = current,
            isDigit(scalar) || isNameStart(scalar) || scalar == "." || scalar == ":" || scalar == "-"
                || scalar == "+"
        {
            text.unicodeScalars.append(scalar)
            index += 1
        }
        if let literal = FilterText.literal(text, version) { return literal }
        throw ODataError(.syntax, "\"\(text)\" is no value", at: position)
    }

    /// A GUID without quotes (version 4.0).
    private mutating func guid() -> String? {
        guard version == .v4, index + FilterText.guidLength <= characters.count else { return nil }
        var text = ""
        text.unicodeScalars.append(contentsOf: characters[index..<index + FilterText.guidLength])
        let after = index + FilterText.guidLength
        guard FilterText.isGUID(text),
            after == characters.count || !(isNameStart(characters[after]) || isDigit(characters[after]))
        else { return nil }
        index = after
        return text
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { scalar >= "0" && scalar <= "9" }

    private func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
        (scalar >= "a" && scalar <= "z") || (scalar >= "A" && scalar <= "Z") || scalar == "_"
    }
}

/// The texts of literals.
enum FilterText {
    static let guidLength = 36

    static func isGUID(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == guidLength else { return false }
        return bytes.indices.allSatisfy { index in
            [8, 13, 18, 23].contains(index)
                ? bytes[index] == UInt8(ascii: "-") : Hex.value(bytes[index]) != nil
        }
    }

    /// The text as a point in time; seconds may be missing. Nil for other text.
    static func instant(_ text: String) -> String? {
        var text = text
        if text.utf8.count >= 17, Array(text.utf8)[16] != UInt8(ascii: ":") {
            text.insert(contentsOf: ":00", at: text.utf8.index(text.startIndex, offsetBy: 16))
        }
        return ISO8601.instant(text) == nil ? nil : text
    }

    /// The text as a time of day; nil for other text.
    static func time(_ text: String) -> String? {
        let full = text.utf8.count == 5 ? text + ":00" : text
        return ISO8601.instant("2000-01-01T\(full)Z") == nil ? nil : full
    }

    /// A time of day of version 2.0, as `PT12H34M56.7S`. Nil for other text.
    static func duration(_ text: String) -> String? {
        guard let match = text.wholeMatch(of: /PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(\.\d{1,6})?S)?/),
            text.utf8.count > 2
        else { return nil }
        func part(_ digits: Substring?) -> String {
            let digits = digits ?? "0"
            return digits.utf8.count == 1 ? "0\(digits)" : String(digits)
        }
        return time("\(part(match.1)):\(part(match.2)):\(part(match.3))\(match.4 ?? "")")
    }

    /// A number, a date or a time without quotes. Nil for other text.
    static func literal(_ text: String, _ version: ODataVersion) -> FilterLiteral? {
        if text.wholeMatch(of: /[+\-]?[0-9]{1,40}/) != nil { return .integer(unsigned(text)) }
        if text.wholeMatch(of: /[+\-]?([0-9]{1,200}\.?[0-9]{0,200}|\.[0-9]{1,200})([eE][+\-]?[0-9]{1,3})?/)
            != nil
        {
            return .decimal(unsigned(text))
        }
        switch version {
        case .v2:
            guard let suffix = text.last, let number = literal(String(text.dropLast()), .v4) else {
                return nil
            }
            switch (suffix, number) {
            case ("L", .integer), ("l", .integer): return number
            case ("M", .integer(let digits)), ("m", .integer(let digits)), ("d", .integer(let digits)),
                ("D", .integer(let digits)), ("f", .integer(let digits)), ("F", .integer(let digits)):
                return .decimal(digits)
            case ("M", .decimal), ("m", .decimal), ("d", .decimal), ("D", .decimal), ("f", .decimal),
                ("F", .decimal):
                return number
            default: return nil
            }
        case .v4:
            if ISO8601.date(text) != nil { return .date(text) }
            return instant(text).map(FilterLiteral.instant) ?? time(text).map(FilterLiteral.time)
        }
    }

    private static func unsigned(_ text: String) -> String {
        text.hasPrefix("+") ? String(text.dropFirst()) : text
    }
}
