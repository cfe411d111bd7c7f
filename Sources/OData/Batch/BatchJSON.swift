import Encoding
import HTTPWire

/// Batches as JSON (OData JSON Format 4.01, section 19).
enum BatchJSON {
    static func requests(_ body: [UInt8]) throws(ODataError) -> [BatchRequest] {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: body)
        } catch {
            throw ODataError(.syntax, "the batch is not JSON: \(error.reason) at byte \(error.byte)")
        }
        guard let items = document["requests"]?.array else {
            throw ODataError(.syntax, "the batch has no array requests")
        }
        guard items.count <= ODataLimits.batchRequests else { throw tooMany }
        var requests: [BatchRequest] = []
        var ids: Set<String> = []
        for item in items {
            let request = try request(item)
            guard let id = request.id, ids.insert(id).inserted else {
                throw ODataError(.syntax, "each request of the batch needs an id of its own")
            }
            requests.append(request)
        }
        return requests
    }

    /// The batch has more requests than `ODataLimits.batchRequests`.
    static var tooMany: ODataError {
        ODataError(.tooLarge, "a batch has at most \(ODataLimits.batchRequests) requests")
    }

    private static func request(_ item: JSONValue) throws(ODataError) -> BatchRequest {
        guard let id = item["id"]?.string, !id.isEmpty, let method = item["method"]?.string,
            let url = item["url"]?.string
        else { throw ODataError(.syntax, "each request of the batch has the texts id, method and url") }
        guard item["if"] == nil else { throw ODataError(.unsupported, "the member if is not supported") }
        var request = BatchRequest(id: id, method: method.uppercased(), url: url)
        request.group = item["atomicityGroup"]?.string
        for (name, value) in item["headers"]?.object ?? [:] {
            guard let text = value.string, BatchRequest.isField(name, text) else {
                throw ODataError(.syntax, "the request \(id) has a malformed header")
            }
            request.headers.add(name.lowercased(), text)
        }
        for dependency in item["dependsOn"]?.array ?? [] {
            guard let name = dependency.string else {
                throw ODataError(.syntax, "dependsOn of the request \(id) is not an array of texts")
            }
            request.dependencies.append(name)
        }
        let isJSON = request.headers["content-type"].map(isJSON) ?? true
        switch item["body"] {
        case nil, .null: break
        case .string(let text) where !isJSON: request.body = Array(text.utf8)
        case let value?:
            request.body = Array(value.serialized.utf8)
            if !request.headers.contains("content-type") {
                request.headers.add("content-type", "application/json")
            }
        }
        return request
    }

    private static func isJSON(_ type: String) -> Bool { type.lowercased().hasPrefix("application/json") }

    static func document(_ answers: [BatchAnswer]) -> [UInt8] {
        let responses = answers.map { answer -> JSONText in
            var members: [(String, JSONText)] = [
                ("id", .optional(answer.id)), ("status", .number(answer.status.code)),
            ]
            if let group = answer.group { members.append(("atomicityGroup", .string(group))) }
            let headers = answer.headers.map { ($0.name.lowercased(), JSONText.string($0.value)) }
            members.append(("headers", .object(headers)))
            if !answer.body.isEmpty {
                let text = String(decoding: answer.body, as: UTF8.self)
                let isJSON = answer.headers["content-type"].map(isJSON) ?? false
                members.append(("body", isJSON ? .raw(text) : .string(text)))
            }
            return .object(members)
        }
        return JSONText.object([("responses", .array(responses))]).encoded
    }
}
