internal import HTTPWire

/// A response on its way, and what of it is still to be sent.
struct Sending {
    /// What follows the bytes at hand.
    enum Body {
        /// Nothing: it stands among them, or there is none.
        case sent
        /// Bytes that are too many to copy.
        case bytes([UInt8])
        case stream(@Sendable (BodyWriter) async throws -> Void)
    }

    let exchange: Exchange
    let plan: ResponsePlan
    let response: Response
    /// Bytes of the body among those at hand.
    var bodyCount = 0
    var body = Body.sent
    /// What the kernel had no room for, or what goes out together with the body.
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

    /// Whether nothing is left to send; the request is logged then.
    var isComplete: Bool { rest.isEmpty && !hasBody }
    /// Whether another request may follow.
    var persists: Bool { plan.persists }

    /// Sends what is left, and logs the request.
    ///
    /// - Returns: whether another request may follow.
    /// - Throws: what the socket throws; the connection is of no use then.
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
                stream: transport.stream, limits: exchange.service.limits, head: rest, framing: plan.framing)
            try await exchange.stream(produce, to: writer)
            sent = writer.sentCount
        }
        log(bytes: sent)
        return persists
    }

    func log(bytes: Int) {
        exchange.log(status: response.status.code, bytes: bytes, fields: response.logFields)
    }
}
