import FoundationEssentials

/// A job's arguments: the text of a JSON array, as the row and the payload hold it.
package struct JobArguments: Sendable, Hashable {
    /// The array's JSON text.
    package let text: String

    /// Encodes values as the elements of the array. Keys are sorted, so that equal values give equal text.
    /// - Throws: `JobsError` with the code `.arguments` if a value cannot be encoded.
    package init(_ values: [any Encodable & Sendable]) throws(JobsError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var elements: [String] = []
        for value in values {
            do {
                elements.append(String(decoding: try encoder.encode(value), as: UTF8.self))
            } catch {
                throw JobsError(.arguments, "an argument cannot be encoded as JSON", detail: "\(error)")
            }
        }
        text = "[" + elements.joined(separator: ",") + "]"
    }

    /// - Precondition: the text is a JSON array. It comes from a row, whose column checks that.
    package init(text: String) {
        self.text = text
    }

    /// The element at the index.
    /// - Throws: `JobsError` with the code `.arguments` if it is missing or of another type.
    package func decode<Value: Decodable>(_ index: Int, as type: Value.Type) throws(JobsError) -> Value {
        let decoder = JSONDecoder()
        decoder.userInfo[Element<Value>.indexKey] = index
        do {
            return try decoder.decode(Element<Value>.self, from: Data(text.utf8)).value
        } catch {
            throw JobsError(
                .arguments, "argument \(index) is missing or not a \(Value.self)", detail: "\(error)")
        }
    }

    private struct Element<Value: Decodable>: Decodable {
        let value: Value

        static var indexKey: CodingUserInfoKey {
            guard let key = CodingUserInfoKey(rawValue: "index") else {
                preconditionFailure("a constant key is always valid")
            }
            return key
        }

        init(from decoder: any Decoder) throws {
            var container = try decoder.unkeyedContainer()
            let index = decoder.userInfo[Self.indexKey] as? Int ?? 0
            for _ in 0..<index { _ = try container.superDecoder() }
            value = try container.decode(Value.self)
        }
    }
}
