internal import HTTPWire
internal import Logging
internal import Reactor
internal import Synchronization

/// One client's connection, from its acceptance to its end. Loop-confined.
final class Connection: Sendable {
    /// What the connection is busy with.
    private enum Phase: UInt8, AtomicRepresentable {
        /// Nothing was asked yet.
        case fresh
        /// Between requests; ends at once when the server drains.
        case idle
        /// A request is being read or answered.
        case busy
        /// A handler runs or streams its answer; it is cancelled when the client leaves.
        case handling
    }

    let socket: Socket
    private let service: Service
    private let phase = Atomic<Phase>(.fresh)
    /// Set once hands are shaken.
    private let transport = Mutex<Transport?>(nil)

    init(socket: Socket, service: Service) {
        self.socket = socket
        self.service = service
    }

    private var limits: Limits { service.limits }

    /// Serves until either side is done.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.shakeHandsAndServe()
                self.close()
            }
            // Ends when the client has closed its side, or with the socket.
            try? await socket.peerClosed()
            if phase.load(ordering: .relaxed) == .handling { group.cancelAll() }
        }
    }

    /// Answers 503 to one connection too many; over TLS a handshake would cost more than it is worth.
    func turnAway() async {
        let problem = Problem(
            .serviceUnavailable, "Too many connections.", headers: ["Retry-After": "1"])
        if service.context == nil,
            let transport = try? await Transport(accepting: socket, context: nil, deadline: .now)
        {
            try? await refuse(problem, over: transport)
        }
        socket.close()
    }

    /// Part of a drain.
    func closeIfIdle() {
        if phase.load(ordering: .relaxed) == .idle { close() }
    }

    /// The end of a drain.
    func cut() {
        guard let transport = transport.withLock({ $0 }) else {
            socket.reset()
            return
        }
        transport.cut()
    }

    private func close() {
        guard let transport = transport.withLock({ $0 }) else {
            socket.close()
            return
        }
        transport.close()
    }

    private func shakeHandsAndServe() async {
        do {
            let transport = try await Transport(
                accepting: socket, context: service.context, deadline: .now + limits.headTimeout)
            self.transport.withLock { $0 = transport }
            await serve(transport)
        } catch {
            service.server.logger.trace("handshake failed", metadata: ["error": "\(error)"])
        }
    }

    private func serve(_ transport: Transport) async {
        var input = Input(stream: transport.stream, limits: limits)
        do {
            var served = 0
            var quiet = limits.headTimeout
            while let head = try await input.nextHead(quietUntil: .now + quiet) {
                phase.store(.busy, ordering: .relaxed)
                served += 1
                let mayPersist = served < limits.requestsPerConnection
                guard try await exchange(head, &input, transport, mayPersist: mayPersist) else { return }
                if served % limits.pipelinedRequests == 0 { await Task.yield() }
                phase.store(input.hasMore ? .busy : .idle, ordering: .relaxed)
                if service.isDraining, !input.hasMore { return }
                quiet = limits.idleTimeout
            }
        } catch let error as HTTPWireError {
            await refuse(Problem(error), &input, transport)
        } catch let problem as Problem {
            await refuse(problem, &input, transport)
        } catch {
            service.server.logger.trace("connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Answers what could not be read as a request, and ends the connection so that the client sees the
    /// answer.
    private func refuse(_ problem: Problem, _ input: inout Input, _ transport: Transport) async {
        guard (try? await refuse(problem, over: transport)) != nil else { return }
        transport.stream.shutdownWrite()
        await input.discardRest()
    }

    private func refuse(_ problem: Problem, over transport: Transport) async throws {
        let exchange = Exchange(service: service, transport: transport, head: nil)
        try await exchange.send(service.response(to: problem, request: nil), mayPersist: false)
    }

    /// Reads a request's body, has it answered, and sends the answer.
    ///
    /// - Returns: whether another request may follow.
    private func exchange(
        _ head: RequestHead, _ input: inout Input, _ transport: Transport, mayPersist: Bool
    ) async throws -> Bool {
        var exchange = Exchange(service: service, transport: transport, head: head)
        let match: Router.Match
        var request: Request
        do {
            request = try self.request(head)
            exchange.request = request
            match = try service.server.router.match(head.method, head.path)
            request.body = try await input.body(of: head, maximumBytes: bodyLimit(match, head))
        } catch let error where error is Problem || error is HTTPWireError {
            let problem = (error as? HTTPWireError).map(Problem.init) ?? error
            let response = service.response(to: problem, request: exchange.request)
            try await exchange.send(response, mayPersist: false)
            transport.stream.shutdownWrite()
            await input.discardRest()
            return false
        }
        phase.store(.handling, ordering: .relaxed)
        let response = await respond(to: request, match)
        guard let response else {
            exchange.log(status: 499, bytes: 0)
            return false
        }
        switch response.body {
        // Whoever produces a stream is still the handler, and may wait for other things than the client.
        case .stream: break
        case .empty, .bytes: phase.store(.busy, ordering: .relaxed)
        }
        defer { phase.store(.busy, ordering: .relaxed) }
        return try await exchange.send(response, mayPersist: mayPersist && !service.isDraining)
    }

    private func request(_ head: RequestHead) throws(HTTPWireError) -> Request {
        let server = service.server
        let origin = Origin(
            head.headers, peer: socket.peer, scheme: service.context == nil ? .http : .https,
            trust: server.configuration.trust)
        return try Request(
            head: head, peer: socket.peer, clientAddress: origin.address, scheme: origin.scheme,
            id: origin.requestID ?? server.identifiers.next())
    }

    /// A client that asks before it sends a body is not asked for one that nobody would read.
    ///
    /// - Throws: the `Problem` of a path or method without a handler, for such a client.
    private func bodyLimit(_ match: Router.Match, _ head: RequestHead) throws -> Int {
        if case .found(let route, _) = match { return route.maximumBodyBytes ?? limits.bodyBytes }
        if head.expectsContinue { throw Router.problem(match, head.method) }
        return limits.bodyBytes
    }

    /// - Returns: nil when the client left and its handler gave up.
    private func respond(to request: Request, _ match: Router.Match) async -> Response? {
        do {
            return try await service.server.router.respond(to: request, match)
        } catch {
            if Task.isCancelled { return nil }
            return service.response(to: error, request: request)
        }
    }
}
