internal import HTTPWire
internal import Logging
internal import Reactor

/// The answering half of one exchange: sends a response and logs the request.
struct Exchange {
    let service: Service
    let transport: Transport
    /// The text of the other end's address.
    let peer: String
    /// Nil when what came could not be read as a request.
    var request: Request?
    /// Names the exchange in the log and the answer, also where no request could be read.
    private let id: String
    private let start = ContinuousClock.now

    init(service: Service, transport: Transport, peer: String, request: Request?) {
        self.service = service
        self.transport = transport
        self.peer = peer
        self.request = request
        id = request?.id ?? service.server.identifiers.next()
    }

    /// Sends `response` and logs the request.
    ///
    /// - Returns: whether another request may follow.
    /// - Throws: what the socket throws; the connection is of no use then.
    @discardableResult
    @inline(never)
    func send(_ response: Response, mayPersist: Bool) async throws -> Bool {
        var response = response
        var plan = ResponsePlan(response, to: request, mayPersist: mayPersist)
        var output = service.takeOutput()
        do {
            try encode(response, plan, into: &output)
        } catch {
            response = service.response(to: error, request: request)
            plan = ResponsePlan(response, to: request, mayPersist: mayPersist)
            try encode(response, plan, into: &output)
        }
        var sent = 0
        if plan.sendsBody {
            switch response.body {
            case .empty: break
            case .bytes(let bytes) where bytes.count > service.limits.copiedBodyBytes:
                try await write(output, bytes)
                output.removeAll(keepingCapacity: true)
                sent = bytes.count
            case .bytes(let bytes):
                output.append(contentsOf: bytes)
                sent = bytes.count
            case .stream(_, let produce):
                sent = try await stream(produce, after: output, plan)
                output.removeAll(keepingCapacity: true)
            }
        }
        try await write(output)
        service.giveBack(output: output)
        log(status: response.status.code, bytes: sent, fields: response.logFields)
        return plan.persists
    }

    private func encode(
        _ response: Response, _ plan: ResponsePlan, into output: inout [UInt8]
    ) throws(HTTPWireError) {
        try ResponseHead(status: response.status, headers: response.headers)
            .encode(
                into: &output, framing: plan.framing, connection: plan.connection, date: service.date(),
                requestID: id)
    }

    // Inlined: nearly always the kernel takes everything, and then nothing here suspends.
    @inline(__always)
    private func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        do {
            let sent = try transport.stream.writeAvailable(bytes[...])
            if sent < bytes.count {
                try await transport.stream.write(bytes[sent...], deadline: deadline(for: bytes.count))
            }
        } catch {
            log(status: 499, bytes: 0)
            throw error
        }
    }

    @inline(never)
    private func write(_ head: [UInt8], _ body: [UInt8]) async throws {
        do {
            try await transport.stream.write(head, body, deadline: deadline(for: body.count))
        } catch {
            log(status: 499, bytes: 0)
            throw error
        }
    }

    private func deadline(for count: Int) -> ContinuousClock.Instant {
        service.loop.now + service.limits.writeDuration(for: count)
    }

    /// - Returns: the number of body bytes sent.
    @inline(never)
    private func stream(
        _ produce: @Sendable (BodyWriter) async throws -> Void, after head: [UInt8], _ plan: ResponsePlan
    ) async throws -> Int {
        let writer = BodyWriter(
            stream: transport.stream, limits: service.limits, head: head, framing: plan.framing)
        try await stream(produce, to: writer)
        return writer.sentCount
    }

    /// After the head is out there is no other way to say that a body is broken than to break the connection.
    private func stream(
        _ produce: @Sendable (BodyWriter) async throws -> Void, to writer: BodyWriter
    ) async throws {
        do {
            try await produce(writer)
            try await writer.finish()
        } catch {
            log(status: 499, bytes: writer.sentCount)
            if !(error is ReactorError), !(error is CancellationError) {
                service.server.logger.error(
                    "response failed", metadata: ["request_id": "\(id)", "error": "\(error)"])
            }
            transport.cut()
            throw error
        }
    }

    /// Writes the access log's line.
    func log(status: Int, bytes: Int, fields: [(name: String, value: String)] = []) {
        let duration = ContinuousClock.now - start
        service.server.configuration.observe?(status, duration)
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
                method: request.method.name, path: request.path, query: request.rawQuery, status: status,
                bytes: bytes, duration: duration, client: request.clientAddress, requestID: id,
                fields: fields))
    }
}
