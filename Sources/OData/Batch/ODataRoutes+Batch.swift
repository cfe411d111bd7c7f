import Cryptography
import Encoding
import HTTPServer
import HTTPWire
import Postgres
import TenantAdmin

// Batches. Each request of one passes the checks, counts and limits of a request of its own.
extension ODataRoutes {
    func batch(_ call: Call) async throws -> Response {
        guard !call.isPart else { throw ODataError(.unsupported, "a batch cannot be in a batch") }
        let type = call.request.headers["content-type"] ?? ""
        let isMultipart = BatchMultipart.isMultipart(type)
        guard isMultipart || call.version == .v4 && call.request.mediaType == "application/json" else {
            let types = call.version == .v4 ? "multipart/mixed, application/json" : "multipart/mixed"
            throw Problem(.unsupportedMediaType, "A batch must be \(types).", headers: ["Accept": types])
        }
        let requests =
            isMultipart
            ? try BatchMultipart.requests(call.request.body, type: type)
            : try BatchJSON.requests(call.request.body)
        let answers = try await answers(to: try BatchRequest.units(requests), call)
        guard isMultipart else {
            return Self.response("application/json", BatchJSON.document(answers))
        }
        // Random, so that no value of a row contains it.
        let boundary = "batch_" + Hex.encode(try randomBytes(16))
        return Self.response(
            "multipart/mixed; boundary=\(boundary)",
            BatchMultipart.document(answers, boundary: boundary), call.version == .v4 ? .ok : .accepted)
    }

    /// Answers unit by unit. Version 4.0 stops behind a failure, unless the client wants to continue.
    private func answers(to units: [BatchRequest.Unit], _ call: Call) async throws -> [BatchAnswer] {
        let continues =
            call.version == .v2
            || call.request.headers.contains("prefer", token: "odata.continue-on-error")
            || call.request.headers.contains("prefer", token: "continue-on-error")
        let deadline = ContinuousClock.now + batchLimits.time
        var answers: [BatchAnswer] = []
        var known = BatchResults()
        for unit in units {
            try Task.checkCancellation()
            let refusal = known.refusal(
                of: unit, isLate: .now > deadline, maximumBytes: batchLimits.answerBytes)
            var new: [BatchAnswer] = []
            if let refusal {
                new = unit.map { fault(refusal, of: $0, call) }
            } else if unit.first?.group != nil {
                new = await changes(unit, known, call)
            } else if let request = unit.first {
                new = [await answer(request, known, call, on: nil)]
            }
            for answer in new { known.add(answer) }
            answers += new
            if !continues, !new.allSatisfy(\.isSuccess) { break }
        }
        return answers
    }

    /// Answers the requests of a group in a transaction, which is undone if one of them fails.
    private func changes(
        _ unit: BatchRequest.Unit, _ known: BatchResults, _ call: Call
    ) async -> [BatchAnswer] {
        var inner = known
        do {
            return try await withCell(call) { connection in
                try await connection.transaction { connection in
                    var answers: [BatchAnswer] = []
                    for request in unit {
                        try Task.checkCancellation()
                        let answer = await answer(request, inner, call, on: connection)
                        guard answer.isSuccess else { throw BatchFailure(answer: answer) }
                        inner.add(answer)
                        answers.append(answer)
                    }
                    return answers
                }
            }
        } catch {
            // A refused commit, for example by a deferred constraint, is reported by the first request.
            let failure =
                (error as? BatchFailure)?.answer ?? unit.first.map { fault(error, of: $0, call) }
            let others = ODataError(.failedDependency, "another request of the group failed")
            return unit.map { request in
                guard let failure, failure.id == request.id else { return fault(others, of: request, call) }
                return failure
            }
        }
    }

    /// - Parameter connection: of the transaction of the request's group; nil without a group.
    private func answer(
        _ request: BatchRequest, _ known: BatchResults, _ call: Call, on connection: PostgresConnection?
    ) async -> BatchAnswer {
        var asked = call.request
        do {
            let part = try part(request, known, call)
            asked = part
            return Self.answer(
                try await respond(
                    to: part, call.entry, call.version, call.credential, isPart: true, on: connection),
                to: request)
        } catch {
            return Self.answer(answer(to: error, asked, call.version), to: request)
        }
    }

    private func fault(_ error: any Error, of request: BatchRequest, _ call: Call) -> BatchAnswer {
        Self.answer(answer(to: error, call.request, call.version), to: request)
    }

    private static func answer(_ response: Response, to request: BatchRequest) -> BatchAnswer {
        var body: [UInt8] = []
        if case .bytes(let bytes) = response.body { body = bytes }
        return BatchAnswer(
            id: request.id, group: request.group, status: response.status, headers: response.headers,
            body: body)
    }

    /// The request as if it had been sent alone by the same client. Its own fields about credentials do not
    /// count.
    private func part(
        _ request: BatchRequest, _ known: BatchResults, _ call: Call
    ) throws -> Request {
        var headers = request.headers
        for name in BatchRequest.outerFields {
            headers.remove(name)
            for value in call.request.headers.values(name) { headers.add(name, value) }
        }
        let root = call.description.root
        var url = known.resolve(request.url)
        if url.hasPrefix(root) {
            url = String(url.dropFirst(root.count))
        } else if url.hasPrefix(call.path(of: "")) {
            url = String(url.dropFirst(call.path(of: "").count))
        } else if url.hasPrefix("/") || url.contains("://") {
            throw ODataError(.notFound, "the URL \(request.url) is not below \(root)")
        }
        return try Request(
            Method(request.method), call.path(of: BatchRequest.encoded(url)), headers: headers,
            body: request.body, clientAddress: call.request.clientAddress, scheme: call.request.scheme,
            id: call.request.id)
    }
}

extension BatchRequest {
    /// Fields that a request of a batch has from the batch. Browsers send some of them with each request.
    static let outerFields = ["authorization", RequestToken.header, "origin", "cookie", "content-encoding"]

    /// Percent-encodes bytes that a target cannot have: clients leave spaces and quotes in batches.
    static func encoded(_ url: String) -> String {
        var text = ""
        for byte in url.utf8 {
            if byte <= 0x20 || byte >= 0x7F || "\"<>\\^`{|}#".utf8.contains(byte) {
                text += "%" + Hex.encode([byte]).uppercased()
            } else {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return text
    }
}

/// A request of a group failed; its transaction is undone.
private struct BatchFailure: Error {
    let answer: BatchAnswer
}

/// The requests of a batch that are answered.
private struct BatchResults {
    private var locations: [String: String] = [:]
    private var successes: [String: Bool] = [:]
    private var bytes = 0

    mutating func add(_ answer: BatchAnswer) {
        bytes += answer.body.count
        if let group = answer.group { successes[group] = successes[group] != false && answer.isSuccess }
        guard let id = answer.id else { return }
        successes[id] = answer.isSuccess
        locations[id] = answer.headers["location"]
    }

    /// Why a unit is not tried. Nil if it is.
    func refusal(of unit: BatchRequest.Unit, isLate: Bool, maximumBytes: Int) -> (any Error)? {
        if isLate {
            return Problem(
                .serviceUnavailable, "The batch takes too long: send its rest again.",
                headers: ["Retry-After": "1"])
        }
        if bytes > maximumBytes {
            return Problem(.contentTooLarge, "The answers of the batch are too large: send fewer requests.")
        }
        let failed = unit.flatMap(\.dependencies).first { name in
            successes[name] != true && !unit.contains { $0.id == name }
        }
        return failed.map { ODataError(.failedDependency, "\($0) did not succeed before this request") }
    }

    /// Replaces `$id` at the beginning by the URL of the entity that the request with the id created.
    func resolve(_ url: String) -> String {
        guard url.hasPrefix("$") else { return url }
        let name = url.dropFirst().prefix { $0 != "/" && $0 != "?" }
        guard let location = locations[String(name)] else { return url }
        return location + url.dropFirst(name.count + 1)
    }
}
