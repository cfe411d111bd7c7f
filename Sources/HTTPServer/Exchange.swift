internal import HTTPWire
internal import Logging
internal import Reactor

/// The answering half of one exchange: sends a response and logs the request.
struct Exchange {
    let service: Service
    let transport: Transport
    let head: RequestHead?
    /// The request, once it is one.
    var request: Request?
    private let start = ContinuousClock.now

    init(service: Service, transport: Transport, head: RequestHead?) {
        self.service = service
        self.transport = transport
        self.head = head
    }

    /// Sends `response` and logs the request.
    ///
    /// - Returns: whether another request may follow.
    /// - Throws: what the socket throws; the connection is of no use then.
    @discardableResult
    func send(_ response: Response, mayPersist: Bool) async throws -> Bool {
        var response = response
        var plan = ResponsePlan(response, to: head, mayPersist: mayPersist)
        var output: [UInt8] = []
        do {
            try encode(response, plan, into: &output)
        } catch {
            response = service.response(to: error, request: request)
            plan = ResponsePlan(response, to: head, mayPersist: mayPersist)
            try encode(response, plan, into: &output)
        }
        let sent: Int
        do {
            sent = try await sendBody(of: response, plan, after: output)
        } catch {
            switch response.body {
            case .stream where plan.sendsBody: break  // Logged with what was sent of it.
            default: log(status: 499, bytes: 0)
            }
            throw error
        }
        log(status: response.status.code, bytes: sent, fields: response.logFields)
        return plan.persists
    }

    private func encode(
        _ response: Response, _ plan: ResponsePlan, into output: inout [UInt8]
    ) throws(HTTPWireError) {
        var headers = response.headers
        if let request { headers["X-Request-Id"] = request.id }
        try ResponseHead(status: response.status, headers: headers)
            .encode(
                into: &output, framing: plan.framing, connection: plan.connection, date: service.date())
    }

    /// - Returns: the number of body bytes sent.
    private func sendBody(
        of response: Response, _ plan: ResponsePlan, after head: [UInt8]
    ) async throws -> Int {
        let limits = service.limits
        switch response.body {
        case .bytes(let bytes) where plan.sendsBody:
            let deadline = limits.writeDeadline(for: bytes.count)
            if bytes.count > limits.copiedBodyBytes {
                try await transport.stream.write(head, bytes, deadline: deadline)
            } else {
                try await transport.stream.write(head + bytes, deadline: deadline)
            }
            return bytes.count
        case .stream(_, let produce) where plan.sendsBody:
            let writer = BodyWriter(
                stream: transport.stream, limits: limits, head: head, framing: plan.framing)
            try await stream(produce, to: writer)
            return writer.sentCount
        default:
            try await transport.stream.write(head, deadline: limits.writeDeadline(for: head.count))
            return 0
        }
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
                    "response failed", metadata: ["request_id": "\(request?.id ?? "")", "error": "\(error)"])
            }
            transport.cut()
            throw error
        }
    }

    /// Writes the access log's line.
    func log(status: Int, bytes: Int, fields: [(name: String, value: String)] = []) {
        service.server.accessLogger.info("\(line(status, bytes, fields))")
    }

    private func line(_ status: Int, _ bytes: Int, _ fields: [(name: String, value: String)]) -> String {
        AccessRecord(
            method: head?.method.name ?? "-", path: head?.path ?? "-", query: head?.query, status: status,
            bytes: bytes, duration: .now - start,
            client: request?.clientAddress ?? transport.stream.peer?.ipText ?? "",
            requestID: request?.id ?? "-",
            fields: fields
        ).line
    }
}
