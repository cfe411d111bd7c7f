internal import HTTPWire

/// A response that is being sent, and its unsent rest.
struct Sending {
    /// The body after `rest`.
    enum Body {
        /// No further bytes: the body is in `rest`, or there is none.
        case sent
        /// A large body, not copied.
        case bytes([UInt8])
        case stream(@Sendable (BodyWriter) async throws -> Void)
    }

    let exchange: Exchange
    let plan: ResponsePlan
    let response: Response
    /// Bytes of the body that are in `rest`.
    var bodyCount = 0
    var body = Body.sent
    /// Bytes that the kernel has not taken, or that are sent together with the body.
    var rest: [UInt8] = []

    init(_ response: Response, _ plan: ResponsePlan, of exchange: Exchange) {
        self.response = response
        self.plan = plan
        self.exchange = exchange
    }

    var hasBody: Bool {
        if case .sent = body { return false }
        return true
    }

    var isStream: Bool {
        if case .stream = body { return true }
        return false
    }

    /// Whether everything is sent. The request is then logged.
    var isComplete: Bool { rest.isEmpty && !hasBody }
    /// Whether another request may follow.
    var persists: Bool { plan.persists }

    /// Sends the rest and logs the request.
    ///
    /// - Returns: whether another request may follow.
    /// - Throws: the socket's error. The connection cannot be used after that.
    func finish() async throws -> Bool {
        guard !isComplete else { return persists }
        var sent = bodyCount
        switch body {
        case .sent: try await exchange.write(rest, [])
        case .bytes(let bytes):
            try await exchange.write(rest, bytes)
            sent = bytes.count
        case .stream(let produce):
            let transport = exchange.transport
            let writer = BodyWriter(
                stream: transport.stream, limits: exchange.service.limits, head: rest, framing: plan.framing,
                drains: { [service = exchange.service] in service.isDraining })
            try await exchange.stream(produce, to: writer, isEndless: response.isEndless)
            sent = writer.sentCount
        }
        log(bytes: sent)
        return persists
    }

    func log(bytes: Int) {
        exchange.log(
            status: response.status.code, bytes: bytes, fields: response.logFields,
            isObserved: !response.isEndless)
    }
}
