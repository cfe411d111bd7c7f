import Encoding

/// `POST /composite`: several requests in one call, in their order. Documented.
extension World {
    mutating func composite(
        _ call: IncomingCall, _ session: Session
    ) throws(APIError) -> Reply {
        guard let body = try? JSONValue(parsing: call.body),
            let requests = body["compositeRequest"]?.array
        else { throw .notJSON }
        count(.composite, org: session.org)
        guard requests.count <= configuration.limits.compositeRequests else {
            // Assumed text.
            throw APIError(
                400, "LIMIT_EXCEEDED", "The limit of 25 subrequests has been exceeded by the request")
        }
        let place = session.org - 1
        let allOrNone = body["allOrNone"]?.bool ?? false
        let before = allOrNone ? orgs[place] : nil
        var results: [String: JSONValue] = [:]
        var replies: [(id: String, reply: Reply)] = []
        var failed: Int?
        for (index, request) in requests.enumerated() {
            let id = request["referenceId"]?.string ?? ""
            var reply: Reply
            if failed != nil, allOrNone {
                reply = Self.halted
            } else {
                reply = subrequest(request, call, session, results)
            }
            if reply.status >= 300, failed == nil { failed = index }
            if reply.status < 300, case .bytes(let bytes) = reply.body {
                results[id] = (try? JSONValue(parsing: bytes)) ?? .null
            }
            reply.headers.removeAll { $0.name == "Sforce-Limit-Info" }
            replies.append((id, reply))
        }
        if let failed, let before {
            orgs[place] = before
            for index in replies.indices where index != failed { replies[index].reply = Self.halted }
        }
        return .json(["compositeResponse": .array(replies.map(Self.document))])
    }

    private static let halted = APIError(
        400, "PROCESSING_HALTED",
        "The transaction was rolled back since another operation in the same transaction failed."
    ).reply

    private mutating func subrequest(
        _ request: JSONValue, _ call: IncomingCall, _ session: Session, _ results: [String: JSONValue]
    ) -> Reply {
        do throws(APIError) {
            let target = try Self.resolved(request["url"]?.string ?? "", results)
            let body = try request["body"].map { (body) throws(APIError) in
                try Self.resolved(body, results)
            }
            var headers = call.headers
            for (name, value) in request["httpHeaders"]?.object ?? [:] {
                headers[name.lowercased()] = value.string
            }
            var inner = IncomingCall(
                request["method"]?.string ?? "GET", target, headers: headers,
                body: Array((body?.serialized ?? "").utf8), now: call.now)
            inner.rowFault = call.rowFault
            inner.lockedRecords = call.lockedRecords
            let segments = inner.segments
            guard segments.count > 2, segments[0] == "services", segments[1] == "data",
                segments.dropFirst(3).first != "composite" || segments.count > 4
            else { throw .notFound }
            return try data(inner, Array(segments.dropFirst(2)), session)
        } catch {
            return error.reply
        }
    }

    /// Replaces references in all texts of a body.
    private static func resolved(
        _ value: JSONValue, _ results: [String: JSONValue]
    ) throws(APIError) -> JSONValue {
        switch value {
        case .string(let text): return .string(try resolved(text, results))
        case .array(let values):
            var parts: [JSONValue] = []
            for value in values { parts.append(try resolved(value, results)) }
            return .array(parts)
        case .object(let members):
            var parts: [String: JSONValue] = [:]
            for (name, value) in members { parts[name] = try resolved(value, results) }
            return .object(parts)
        default: return value
        }
    }

    /// Replaces `@{reference.field}`. Documented, with the error.
    private static func resolved(
        _ text: String, _ results: [String: JSONValue]
    ) throws(APIError) -> String {
        guard text.contains("@{") else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "@{"), let end = rest[start.upperBound...].firstIndex(of: "}") {
            result += rest[..<start.lowerBound]
            let path = rest[start.upperBound..<end].split(separator: ".").map(String.init)
            var value = path.first.flatMap { results[$0] }
            for name in path.dropFirst() { value = value?[name] }
            guard let value, !value.isNull else {
                let reference = path.first ?? ""
                throw APIError(
                    400, "PROCESSING_HALTED",
                    "Invalid reference specified. No value for \(path.joined(separator: ".")) found in "
                        + reference)
            }
            result += value.string ?? value.serialized
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func document(_ entry: (id: String, reply: Reply)) -> JSONText {
        var body: JSONText = .null
        if case .bytes(let bytes) = entry.reply.body, !bytes.isEmpty {
            body = .raw(String(decoding: bytes, as: UTF8.self))
        }
        let headers = entry.reply.headers.filter { $0.name != "Content-Type" }
        return [
            "body": body, "httpHeaders": .object(headers.map { ($0.name, .string($0.value)) }),
            "httpStatusCode": .number(entry.reply.status), "referenceId": .string(entry.id),
        ]
    }
}
