internal import FoundationEssentials
package import HTTPWire

extension Request {
    /// The media type of the body in lower case, without parameters.
    package var mediaType: String? {
        headers["content-type"].map { type in
            String(type.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }).lowercased()
        }
    }

    /// The JSON body as a value. Dates are ISO 8601.
    ///
    /// - Throws: a `Problem`: 415 for another Content-Type, 400 for a body that does not decode.
    package func json<Value: Decodable>(_ type: Value.Type = Value.self) throws(Problem) -> Value {
        guard let mediaType, mediaType == "application/json" || mediaType.hasSuffix("+json") else {
            throw Problem(
                .unsupportedMediaType, "The body must be application/json.",
                headers: ["Accept": "application/json"])
        }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode(type, from: Data(body))
        } catch let error as DecodingError {
            throw Problem(.badRequest, Self.explanation(error))
        } catch {
            throw Problem(.badRequest, "The body is not valid JSON.")
        }
    }

    /// The fields of a form body.
    ///
    /// - Throws: a `Problem`: 415 for another Content-Type, 400 for a body that does not decode.
    package func form() throws(Problem) -> Form {
        guard mediaType == "application/x-www-form-urlencoded" else {
            throw Problem(
                .unsupportedMediaType, "The body must be application/x-www-form-urlencoded.",
                headers: ["Accept": "application/x-www-form-urlencoded"])
        }
        guard let text = String(validating: body, as: UTF8.self) else {
            throw Problem(.badRequest, "The form is not UTF-8.")
        }
        do {
            return try Form(decoding: text)
        } catch {
            throw Problem(error)
        }
    }

    /// Names the wrong field. Keys come from our types, so no input of the client is repeated.
    private static func explanation(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            "The field \(path(context.codingPath + [key])) is missing."
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "The field \(path(context.codingPath)) has the wrong type."
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "The field \(path(context.codingPath)) is invalid."
        default: "The body is not valid JSON."
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        keys.isEmpty
            ? "at the top"
            : keys.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}
