internal import Encoding

/// The fields of a query or of an `application/x-www-form-urlencoded` body, in order and with repetitions.
package struct Form: Sendable, Equatable {
    /// One field, decoded.
    package struct Field: Sendable, Equatable {
        /// The name.
        package var name: String
        /// The value, empty if there was no `=`.
        package var value: String

        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Maximum fields of one form, against attacks on code that loops over them.
    package static let maximumFields = 1000

    /// The fields.
    package var fields: [Field]

    /// A form with these fields.
    package init(_ fields: [Field] = []) {
        self.fields = fields
    }

    /// Decodes a query or a form body.
    ///
    /// - Throws: `.percentEscape` or `.tooManyFields`.
    package init(decoding text: some StringProtocol) throws(HTTPWireError) {
        fields = []
        for part in text.split(separator: "&") {
            guard fields.count < Self.maximumFields else { throw HTTPWireError(.tooManyFields) }
            let mark = part.utf8.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let value = mark == part.endIndex ? part[mark...] : part[part.utf8.index(after: mark)...]
            fields.append(
                Field(name: try Self.decode(part[..<mark]), value: try Self.decode(value)))
        }
    }

    private static func decode(_ text: some StringProtocol) throws(HTTPWireError) -> String {
        guard let text = PercentCoding.decode(Substring(text), plusIsSpace: true) else {
            throw HTTPWireError(.percentEscape)
        }
        return text
    }

    /// The first value under `name`.
    package subscript(name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// All values under `name`.
    package func values(_ name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The fields encoded as a query or form body.
    package var encoded: String {
        PercentCoding.form(fields.map { ($0.name, $0.value) }, spaceIsPlus: true)
    }
}

extension Form: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init(elements.map { Field(name: $0.0, value: $0.1) })
    }
}
