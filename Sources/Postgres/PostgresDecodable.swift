internal import Encoding
package import FoundationEssentials

/// A type that a column decodes to. Optional is not one: `row["x", as: Int?.self]` is an overload.
package protocol PostgresDecodable {
    /// The value of a column's text. Nil if the text is invalid.
    init?(postgres text: Span<UInt8>)
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard let rawValue = RawValue(postgres: text) else { return nil }
        self.init(rawValue: rawValue)
    }
}

extension String: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard let valid = try? UTF8Span(validating: text) else { return nil }
        self.init(copying: valid)
    }
}

extension Bool: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard text.count == 1 else { return nil }
        switch text[0] {
        case UInt8(ascii: "t"): self = true
        case UInt8(ascii: "f"): self = false
        default: return nil
        }
    }
}

extension FixedWidthInteger {
    fileprivate init?(decimal text: Span<UInt8>) {
        let isNegative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        var index = isNegative ? 1 : 0
        guard index < text.count else { return nil }
        var value: Self = 0
        while index < text.count {
            guard let digit = Self(exactly: Int(text[index]) - 48), digit >= 0, digit <= 9 else { return nil }
            let (scaled, overflows) = value.multipliedReportingOverflow(by: 10)
            let (next, overflowsToo) =
                isNegative
                ? scaled.subtractingReportingOverflow(digit) : scaled.addingReportingOverflow(digit)
            guard !overflows, !overflowsToo else { return nil }
            value = next
            index += 1
        }
        self = value
    }
}

extension Int: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) { self.init(decimal: text) }
}

extension Int16: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) { self.init(decimal: text) }
}

extension Int32: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) { self.init(decimal: text) }
}

extension Int64: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) { self.init(decimal: text) }
}

extension UInt32: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) { self.init(decimal: text) }
}

extension Double: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard let string = String(postgres: text) else { return nil }
        self.init(string)
    }
}

extension UUID: PostgresDecodable {
    /// Foundation's parser goes through a `String` and `sscanf`.
    package init?(postgres text: Span<UInt8>) {
        guard text.count == 36 else { return nil }
        var bytes = InlineArray<16, UInt8>(repeating: 0)
        var digits = 0
        for index in text.indices {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard text[index] == UInt8(ascii: "-") else { return nil }
            } else {
                guard let digit = Hex.value(text[index]) else { return nil }
                bytes[digits / 2] = bytes[digits / 2] << 4 | digit
                digits += 1
            }
        }
        self.init(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8],
                bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }
}

extension Date: PostgresDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard let timestamp = PostgresTimestamp(text) else { return nil }
        self = timestamp.date
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayDecodable {
    package init?(postgres text: Span<UInt8>) {
        guard let elements = Element.array(postgres: text) else { return nil }
        self = elements
    }
}

/// A type of array elements. `[UInt8]` decodes `bytea`.
package protocol PostgresArrayDecodable {
    static func array(postgres text: Span<UInt8>) -> [Self]?
}

extension PostgresArrayDecodable where Self: PostgresDecodable {
    package static func array(postgres text: Span<UInt8>) -> [Self]? {
        guard let elements = ArrayLiteral.elements(of: text) else { return nil }
        var values: [Self] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let element, let value = Self(postgres: element.span) else { return nil }
            values.append(value)
        }
        return values
    }
}

extension String: PostgresArrayDecodable {}
extension Bool: PostgresArrayDecodable {}
extension Int: PostgresArrayDecodable {}
extension Int16: PostgresArrayDecodable {}
extension Int32: PostgresArrayDecodable {}
extension Int64: PostgresArrayDecodable {}
extension UInt32: PostgresArrayDecodable {}
extension Double: PostgresArrayDecodable {}
extension UUID: PostgresArrayDecodable {}
extension Date: PostgresArrayDecodable {}

extension Optional: PostgresArrayDecodable where Wrapped: PostgresDecodable {
    package static func array(postgres text: Span<UInt8>) -> [Wrapped?]? {
        guard let elements = ArrayLiteral.elements(of: text) else { return nil }
        var values: [Wrapped?] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let element else {
                values.append(nil)
                continue
            }
            guard let value = Wrapped(postgres: element.span) else { return nil }
            values.append(value)
        }
        return values
    }
}

extension UInt8: PostgresArrayDecodable {
    /// `bytea` in its hex form, which sessions pin: `\xdeadbeef`.
    package static func array(postgres text: Span<UInt8>) -> [UInt8]? {
        guard text.count >= 2, text[0] == UInt8(ascii: "\\"), text[1] == UInt8(ascii: "x") else { return nil }
        return Hex.decode(text.extracting(2...))
    }
}
