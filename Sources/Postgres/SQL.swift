/// A statement with its values. Interpolated values are parameters, never text: `"select * from jobs where id
/// = \(id)"` is sent as `select * from jobs where id = $1`.
///
/// Parameters have no declared type, like a quoted literal: the server infers it from the context. Without a
/// context the statement needs a cast: `\(x)::int`.
///
/// - `\(identifier: name)` is a quoted identifier, `\(identifier: schema, table)` a qualified one.
/// - `\(literal: text)` is a quoted literal, for statements that take no parameters (DDL, COPY, SET).
/// - `\(raw: text)` is text as it is. Never pass external input.
/// - `\(fragment)` of type SQL keeps its own parameters.
package struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The text around parameters: parameter `i` is between the segments `i` and `i + 1`.
    private var segments: [String]
    package private(set) var parameters: [PostgresParameter]

    package init(stringLiteral value: String) {
        segments = [value]
        parameters = []
    }

    package init(stringInterpolation: StringInterpolation) {
        segments = stringInterpolation.segments
        parameters = stringInterpolation.parameters
    }

    /// Text as it is, without parameters.
    package init(raw text: String) {
        self.init(stringLiteral: text)
    }

    /// The statement as sent, with `$1`, `$2`, ...
    package var text: String {
        guard segments.count > 1 else { return segments[0] }
        var text = segments[0]
        for index in 1..<segments.count {
            text += "$\(index)"
            text += segments[index]
        }
        return text
    }

    package mutating func append(_ other: SQL) {
        segments[segments.count - 1] += other.segments[0]
        segments.append(contentsOf: other.segments.dropFirst())
        parameters.append(contentsOf: other.parameters)
    }

    package static func + (left: SQL, right: SQL) -> SQL {
        var sum = left
        sum.append(right)
        return sum
    }

    package static func += (left: inout SQL, right: SQL) {
        left.append(right)
    }
}

extension SQL {
    /// Collects the text and the parameters of an interpolated literal.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var segments: [String] = [""]
        fileprivate var parameters: [PostgresParameter] = []

        package init(literalCapacity: Int, interpolationCount: Int) {
            segments[0].reserveCapacity(literalCapacity)
            parameters.reserveCapacity(interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) {
            segments[segments.count - 1] += literal
        }

        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            parameters.append(value.postgresParameter)
            segments.append("")
        }

        /// NULL for nil. The compiler warns if an optional is passed as a generic parameter.
        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            parameters.append(value.postgresParameter)
            segments.append("")
        }

        package mutating func appendInterpolation(_ fragment: SQL) {
            segments[segments.count - 1] += fragment.segments[0]
            segments.append(contentsOf: fragment.segments.dropFirst())
            parameters.append(contentsOf: fragment.parameters)
        }

        package mutating func appendInterpolation(identifier names: String...) {
            appendLiteral(names.map(SQL.quote(identifier:)).joined(separator: "."))
        }

        package mutating func appendInterpolation(literal text: String) {
            appendLiteral(SQL.quote(literal: text))
        }

        package mutating func appendInterpolation(raw text: String) {
            appendLiteral(text)
        }
    }

    /// `a"b` becomes `"a""b"`.
    package static func quote(identifier: String) -> String {
        "\"" + identifier.replacingEach("\"", with: "\"\"") + "\""
    }

    /// `it's` becomes `'it''s'`. A backslash needs no escape, because sessions pin
    /// `standard_conforming_strings`.
    package static func quote(literal: String) -> String {
        "'" + literal.replacingEach("'", with: "''") + "'"
    }
}

extension Sequence<SQL> {
    /// One statement of fragments, with renumbered parameters.
    package func joined(separator: String) -> SQL {
        var result = SQL(raw: "")
        var isFirst = true
        for fragment in self {
            if !isFirst { result.append(SQL(raw: separator)) }
            isFirst = false
            result.append(fragment)
        }
        return result
    }
}

extension String {
    fileprivate func replacingEach(_ character: Character, with replacement: String) -> String {
        var result = ""
        result.reserveCapacity(utf8.count)
        for each in unicodeScalars {
            if Character(each) == character {
                result += replacement
            } else {
                result.unicodeScalars.append(each)
            }
        }
        return result
    }
}
