internal import HTTPWire
internal import Logging
internal import Reactor

/// The response half of one exchange: sends the response and logs the request.
struct Exchange {
    let service: Service
    let transport: ServerTransport
    /// The peer's address as text.
    let peer: String
    /// Nil if the request could not be parsed.
    let request: Request?
    /// Whether the response has no body because the method is HEAD.
    private let isHead: Bool
    /// The id of the exchange in log and response, also if no request could be parsed.
    private let id: String
    /// When this round of the loop began.
    private let start: ContinuousClock.Instant

    /// - Parameter isHead: whether a malformed request began as HEAD.
    init(
        service: Service, transport: ServerTransport, peer: String, request: Request?, isHead: Bool = false
    ) {
        self.isHead = isHead || request?.method == .head
        self.service = service
        self.transport = transport
        self.peer = peer
        self.request = request
        id = request?.id ?? service.server.identifiers.next()
        start = service.loop.now
    }

    /// Sends as much of `response` as possible without waiting. Usually that is all, and the request is
    /// logged.
    ///
    /// - Throws: the socket's error. The connection cannot be used after that.
    func begin(_ response: Response, mayPersist: Bool) throws -> Sending {
        do {
            return try begin(response, plan(response, mayPersist: mayPersist))
        } catch let error as HTTPWireError {
            let response = service.response(to: error, request: request)
            return try begin(response, plan(response, mayPersist: mayPersist))
        }
    }

    private func plan(_ response: Response, mayPersist: Bool) -> ResponsePlan {
        ResponsePlan(response, to: request, isHead: isHead, mayPersist: mayPersist)
    }

    /// - Throws: `HTTPWireError` if the response cannot be written. Nothing is sent then.
    private func begin(_ response: Response, _ plan: ResponsePlan) throws -> Sending {
        var sending = Sending(response, plan, of: self)
        try service.withOutput { output, date in
            try ResponseHead(status: response.status, headers: response.headers)
                .encode(
                    into: &output, framing: plan.framing, connection: plan.connection, date: date,
                    requestID: id)
            if plan.sendsBody {
                switch response.body {
                case .empty: break
                case .bytes(let bytes) where bytes.count <= service.limits.copiedBodyBytes:
                    output.append(contentsOf: bytes)
                    sending.bodyCount = bytes.count
                case .bytes(let bytes): sending.body = .bytes(bytes)
                case .stream(_, let produce): sending.body = .stream(produce)
                }
            }
            let sent = sending.hasBody ? 0 : try write(output)
            if sent < output.count { sending.rest = Array(output[sent...]) }
        }
        if sending.isComplete { sending.log(bytes: sending.bodyCount) }
        return sending
    }

    private func write(_ bytes: [UInt8]) throws -> Int {
        do {
            return try transport.stream.writeAvailable(bytes[...])
        } catch {
            log(status: 499, bytes: 0)
            throw error
        }
    }

    func write(_ head: [UInt8], _ body: [UInt8]) async throws {
        do {
            let duration = service.limits.writeDuration(for: head.count + body.count)
            try await transport.stream.write(head, body, deadline: service.loop.now + duration)
        } catch {
            log(status: 499, bytes: 0)
            throw error
        }
    }

    /// After the head is sent, an error can only be signalled by cutting the connection.
    func stream(
        _ produce: @Sendable (BodyWriter) async throws -> Void, to writer: BodyWriter, isEndless: Bool
    ) async throws {
        do {
            try await produce(writer)
            try await writer.finish()
        } catch {
            log(status: 499, bytes: writer.sentCount, isObserved: !isEndless)
            if !(error is ReactorError), !(error is CancellationError) {
                service.server.logger.error(
                    "response failed", metadata: ["request_id": "\(id)", "error": "\(error)"])
            }
            transport.cut()
            throw error
        }
    }

    /// Writes the access log's line.
    func log(
        status: Int, bytes: Int, fields: [(name: String, value: String)] = [], isObserved: Bool = true
    ) {
        let duration = ContinuousClock.now - start
        if isObserved { service.server.configuration.observe?(status, duration) }
        guard let log = service.accessLog else { return }
        guard let request else {
            log.add(
                AccessRecord(
                    method: "-", path: "-", query: nil, status: status, bytes: bytes,
                    duration: duration, client: peer, requestID: id, fields: fields))
            return
        }
        log.add(
            AccessRecord(
                method: request.method.name, path: service.server.configuration.loggedPath(request.path),
                query: request.rawQuery, status: status, bytes: bytes,
                duration: duration, client: request.clientAddress, requestID: id,
                fields: fields))
    }
}
