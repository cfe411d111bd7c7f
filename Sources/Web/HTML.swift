import Encoding

/// A piece of HTML. What is interpolated is text and is escaped; only another piece goes in as it is. There
/// is no other way to make one from a value, so no value can become markup.
struct HTML: ExpressibleByStringInterpolation, Sendable {
    /// The markup.
    private(set) var markup: String

    init(stringLiteral value: String) {
        markup = value
    }

    /// Pieces one after the other.
    init(_ pieces: [HTML]) {
        markup = pieces.map(\.markup).joined()
    }

    init(stringInterpolation: StringInterpolation) {
        markup = stringInterpolation.markup
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        init(literalCapacity: Int, interpolationCount: Int) {
            markup.reserveCapacity(literalCapacity + interpolationCount * 32)
        }

        mutating func appendLiteral(_ literal: String) {
            markup += literal
        }

        /// Text, for elements and quoted attributes.
        mutating func appendInterpolation(_ text: String) {
            markup += HTMLText.escaped(text)
        }

        mutating func appendInterpolation(_ piece: HTML) {
            markup += piece.markup
        }

        mutating func appendInterpolation(_ pieces: [HTML]) {
            for piece in pieces { markup += piece.markup }
        }
    }
}
