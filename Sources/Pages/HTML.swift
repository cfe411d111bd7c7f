import Encoding

/// A piece of HTML. Interpolated text is escaped; only another `HTML` value is inserted as it is. No other
/// initializer takes a value, so no value can become markup.
package struct HTML: ExpressibleByStringInterpolation, Sendable {
    package private(set) var markup: String

    package init(stringLiteral value: String) {
        markup = value
    }

    /// The pieces, concatenated.
    package init(_ pieces: [HTML]) {
        markup = pieces.map(\.markup).joined()
    }

    package init(stringInterpolation: StringInterpolation) {
        markup = stringInterpolation.markup
    }

    /// Escapes text and keeps markup.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + interpolationCount * 32)
        }

        package mutating func appendLiteral(_ literal: String) {
            markup += literal
        }

        /// Text, for elements and quoted attributes.
        package mutating func appendInterpolation(_ text: String) {
            markup += HTMLText.escaped(text)
        }

        package mutating func appendInterpolation(_ piece: HTML) {
            markup += piece.markup
        }

        package mutating func appendInterpolation(_ pieces: [HTML]) {
            for piece in pieces { markup += piece.markup }
        }
    }
}
