/// An expression of `$filter`. Positions count the characters of the text from 1.
indirect enum FilterExpression: Equatable, Sendable {
    case property(String, at: Int)
    case literal(FilterLiteral, at: Int)
    case comparison(FilterComparison, FilterExpression, FilterExpression, at: Int)
    case membership(FilterExpression, of: [FilterExpression], at: Int)
    case all([FilterExpression])
    case any([FilterExpression])
    case not(FilterExpression)
    case call(FilterFunction, [FilterExpression], at: Int)

    /// The place of the expression's first word, or of its operator.
    var position: Int {
        switch self {
        case .property(_, let position), .literal(_, let position), .call(_, _, let position): position
        case .comparison(_, let left, _, _): left.position
        case .membership(let operand, _, _): operand.position
        case .all(let parts), .any(let parts): parts.first?.position ?? 1
        case .not(let operand): operand.position
        }
    }
}

/// The operators that compare two values.
enum FilterComparison: String, Sendable, CaseIterable {
    case equal = "eq"
    case notEqual = "ne"
    case greater = "gt"
    case greaterOrEqual = "ge"
    case less = "lt"
    case lessOrEqual = "le"
}

/// The functions of `$filter`.
enum FilterFunction: String, Sendable, CaseIterable {
    case contains
    /// Version 2.0. The text to find is the first argument.
    case substringof
    case startswith
    case endswith
    case tolower
    case toupper
    case trim
    case concat
    case length
    case indexof
    case year
    case month
    case day
    case hour
    case minute
    case second
    case round
    case floor
    case ceiling

    var argumentCount: Int {
        switch self {
        case .contains, .substringof, .startswith, .endswith, .concat, .indexof: 2
        default: 1
        }
    }

    func exists(in version: ODataVersion) -> Bool {
        switch self {
        case .contains: version == .v4
        case .substringof: version == .v2
        default: true
        }
    }
}

/// A constant of `$filter`, a key or a page token, checked but not yet of a column's type.
enum FilterLiteral: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// Digits with an optional sign.
    case integer(String)
    /// A number with a point or an exponent.
    case decimal(String)
    case string(String)
    /// `2026-01-31`
    case date(String)
    /// ISO 8601 with a zone.
    case instant(String)
    /// `12:34:56.789`
    case time(String)
    case guid(String)
    case bytes([UInt8])
}
