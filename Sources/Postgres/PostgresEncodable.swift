package import FoundationEssentials

/// A value that can be a parameter of a statement.
package protocol PostgresEncodable {
    /// The parameter for NULL. It has the same declared type as a value, so that both share one prepared
    /// statement.
    static var postgresNull: PostgresParameter { get }
    var postgresParameter: PostgresParameter { get }
}

extension PostgresEncodable {
    package static var postgresNull: PostgresParameter { PostgresParameter(bytes: nil) }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    package static var postgresNull: PostgresParameter { RawValue.postgresNull }
    package var postgresParameter: PostgresParameter { rawValue.postgresParameter }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package static var postgresNull: PostgresParameter { Wrapped.postgresNull }
    package var postgresParameter: PostgresParameter {
        switch self {
        case .some(let value): value.postgresParameter
        case .none: Wrapped.postgresNull
        }
    }
}

extension String: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: self) }
}

extension Substring: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(bytes: Array(utf8)) }
}

extension Bool: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: self ? "t" : "f") }
}

extension Int: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }
}

extension Int16: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }
}

extension Int32: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }
}

extension Int64: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }
}

extension UInt32: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }
}

extension Double: PostgresEncodable {
    package var postgresParameter: PostgresParameter {
        if isNaN { return PostgresParameter(text: "NaN") }
        if isInfinite { return PostgresParameter(text: self < 0 ? "-Infinity" : "Infinity") }
        return PostgresParameter(text: String(self))
    }
}

extension UUID: PostgresEncodable {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: uuidString) }
}

extension Date: PostgresEncodable {
    /// `timestamptz` in UTC to the microsecond, the precision of Postgres.
    package var postgresParameter: PostgresParameter {
        PostgresParameter(text: PostgresTimestamp(self).text)
    }
}

extension Duration: PostgresEncodable {
    /// An `interval` of microseconds, so that `now() + \(.seconds(5))` needs no cast.
    package static var postgresNull: PostgresParameter {
        PostgresParameter(type: TypeOID.interval, bytes: nil)
    }

    package var postgresParameter: PostgresParameter {
        let (seconds, attoseconds) = components
        let microseconds = attoseconds / 1_000_000_000_000
        return PostgresParameter(
            text: "\(seconds) seconds \(microseconds) microseconds", type: TypeOID.interval)
    }
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package static var postgresNull: PostgresParameter { Element.postgresArrayNull }
    package var postgresParameter: PostgresParameter { Element.postgresArray(self) }
}

/// A type of elements of array parameters. To Postgres `[UInt8]` is `bytea`, not an array.
package protocol PostgresArrayElement: PostgresEncodable {
    static var postgresArrayNull: PostgresParameter { get }
    static func postgresArray(_ elements: [Self]) -> PostgresParameter
}

extension PostgresArrayElement {
    package static var postgresArrayNull: PostgresParameter { PostgresParameter(bytes: nil) }

    package static func postgresArray(_ elements: [Self]) -> PostgresParameter {
        var writer = ArrayLiteral()
        for element in elements { writer.append(element.postgresParameter) }
        return PostgresParameter(bytes: writer.finish())
    }
}

extension String: PostgresArrayElement {}
extension Bool: PostgresArrayElement {}
extension Int: PostgresArrayElement {}
extension Int16: PostgresArrayElement {}
extension Int32: PostgresArrayElement {}
extension Int64: PostgresArrayElement {}
extension UInt32: PostgresArrayElement {}
extension Double: PostgresArrayElement {}
extension UUID: PostgresArrayElement {}
extension Date: PostgresArrayElement {}
extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement {}
extension Array: PostgresArrayElement where Element == UInt8 {}

extension UInt8: PostgresArrayElement {
    package var postgresParameter: PostgresParameter { PostgresParameter(text: String(self)) }

    package static var postgresArrayNull: PostgresParameter {
        PostgresParameter(type: TypeOID.bytea, isBinary: true, bytes: nil)
    }

    package static func postgresArray(_ elements: [UInt8]) -> PostgresParameter {
        PostgresParameter(type: TypeOID.bytea, isBinary: true, bytes: elements)
    }
}
