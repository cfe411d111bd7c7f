import Encoding
import Foundation

/// The document of the API, which answers are compared with.
package struct OpenAPIDocument: Sendable {
    private let root: JSONValue

    /// Read once.
    package static let current = Result { try OpenAPIDocument() }

    private init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Sources/ConnectAPI/OpenAPI/openapi.json")
        root = try JSONValue(parsing: Array(try Data(contentsOf: file)))
    }

    /// As `GET /api/v3/connections/{id}`.
    package var operations: Set<String> {
        Set(
            (root["paths"]?.object ?? [:]).flatMap { path, item in
                (item.object ?? [:]).keys.map { "\($0.uppercased()) \(path)" }
            })
    }

    /// How an answer differs from the document: an unknown operation or status, or other members.
    ///
    /// - Parameter target: a path, or a URL of any origin.
    package func problems(
        _ method: String, _ target: String, status: Int, body: [UInt8]
    ) -> [String] {
        var path = target
        if let scheme = path.firstRange(of: "://") {
            path = String(path[scheme.upperBound...].drop { $0 != "/" })
        }
        path = String(path.prefix { $0 != "?" })
        guard let operation = operation(method, path) else { return ["\(method) \(path) is not documented"] }
        guard let response = operation["responses"]?["\(status)"].map(resolved) else {
            return ["\(method) \(path): status \(status) is not documented"]
        }
        guard let schema = response["content"]?["application/json"]?["schema"] else {
            return body.isEmpty ? [] : ["\(method) \(path): the answer should be empty"]
        }
        guard let value = try? JSONValue(parsing: body) else {
            return ["\(method) \(path): the answer is not JSON"]
        }
        return differences(of: value, from: schema, "").map { "\(method) \(path) \(status): \($0)" }
    }

    private func operation(_ method: String, _ path: String) -> JSONValue? {
        let parts = path.split(separator: "/")
        let found = (root["paths"]?.object ?? [:]).filter { pattern, item in
            let segments = pattern.split(separator: "/")
            return item[method.lowercased()] != nil && segments.count == parts.count
                && zip(segments, parts).allSatisfy { $0 == $1 || $0.hasPrefix("{") }
        }
        return found.min { $0.key.count { $0 == "{" } < $1.key.count { $0 == "{" } }?.value[
            method.lowercased()]
    }

    private func resolved(_ value: JSONValue) -> JSONValue {
        guard let reference = value["$ref"]?.string else { return value }
        return reference.split(separator: "/").dropFirst().reduce(root) { $0[String($1)] ?? .null }
    }

    private func differences(of value: JSONValue, from schema: JSONValue, _ place: String) -> [String] {
        let schema = resolved(schema)
        if let choices = schema["anyOf"]?.array {
            let all = choices.map { differences(of: value, from: $0, place) }
            return all.contains([]) ? [] : all.first ?? []
        }
        let types = schema["type"].map { $0.array?.compactMap(\.string) ?? [$0.string ?? ""] } ?? []
        guard types.isEmpty || types.contains(where: { Self.matches(value, $0) }) else {
            return ["\(place) is not \(types.joined(separator: " or ")): \(value.serialized.prefix(80))"]
        }
        if let text = value.string {
            if let allowed = schema["enum"]?.array, !allowed.contains(value) {
                return ["\(place) is none of the documented values: \(text)"]
            }
            switch schema["format"]?.string {
            case "uuid" where UUID(uuidString: text) == nil: return ["\(place) is not a UUID: \(text)"]
            case "date-time" where !text.contains(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/):
                return ["\(place) is not a time: \(text)"]
            default: return []
            }
        }
        if let items = schema["items"], let values = value.array {
            return values.enumerated().flatMap { differences(of: $1, from: items, "\(place)[\($0)]") }
        }
        return members(of: value, schema, place)
    }

    private func members(of value: JSONValue, _ schema: JSONValue, _ place: String) -> [String] {
        guard let members = value.object else { return [] }
        let missing = (schema["required"]?.array ?? []).compactMap(\.string).filter { members[$0] == nil }
        return missing.map { "\(place).\($0) is missing" }
            + members.flatMap { name, member -> [String] in
                let path = "\(place).\(name)"
                if let known = schema["properties"]?[name] {
                    return differences(of: member, from: known, path)
                }
                switch schema["additionalProperties"] {
                case .object?: return differences(of: member, from: schema["additionalProperties"]!, path)
                case .bool(true): return []
                default: return ["\(path) is not documented"]
                }
            }
    }

    private static func matches(_ value: JSONValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.null, "null"), (.bool, "boolean"), (.number, "number"), (.string, "string"),
            (.array, "array"), (.object, "object"):
            true
        case (.number(let text), "integer"): Int(text) != nil
        default: false
        }
    }
}
