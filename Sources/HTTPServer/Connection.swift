internal import HTTPWire
internal import Logging
internal import Reactor
internal import Synchronization

/// A client's connection, from accept to close. Loop-confined.
final class Connection: Sendable {
    let socket: Socket
    private let service: Service
    /// The peer's address as text.
    private let peer: String
    private let phase = Atomic<ConnectionPhase>(.fresh)
    /// Set after the TLS handshake.
    private let transport = Mutex<ServerTransport?>(nil)

    init(socket: Socket, service: Service) {
        self.socket = socket
        self.service = service
        peer =
            switch socket.peer {
            case .unix?, nil: ""
            case let address?: address.ipText
            }
    }

    private var limits: Limits { service.limits }

    /// Serves until one side closes.
    func run() async {
        await socket.runReader {
            await self.shakeHandsAndServe()
        } isCancelledAtEnd: {
            // The client has disconnected, or a drain has cut the connection.
            self.phase.load(ordering: .relaxed).isCancelledWhenClientLeaves
        }
        close()
    }

    /// Answers 503 to a connection above the limit. TLS connections are closed without an answer: a handshake
    /// would cost too much.
    func turnAway() async {
        let problem = Problem(
            .serviceUnavailable, "Too many connections.", headers: ["Retry-After": "1"])
        if !service.isEncrypted,
            let transport = try? await ServerTransport(accepting: socket, context: nil, deadline: .now)
        {
            var input = Input(stream: socket, service: service)
            _ = try? input.next()
            try? await refuse(problem, over: transport, isHead: input.isHeadRequest)
        }
        // Closing with an unread request would reset the connection, and some clients would lose the
        // response.
        var unread = ReadBuffer(capacity: limits.readBufferBytes)
        _ = try? socket.readAvailable(into: &unread)
        socket.close()
    }

    /// Called when a drain begins.
    func closeIfIdle() {
        if phase.load(ordering: .relaxed).endsAtDrain(mayBeAsking: mayBeAsking) { close() }
    }

    /// Called `Limits.drainGrace` after a drain began. Some clients open connections in advance and do not
    /// send a request.
    func closeIfSilent() {
        if phase.load(ordering: .relaxed).endsAfterGrace(mayBeAsking: mayBeAsking) { close() }
    }

    /// Whether bytes of a request may have arrived, before an event or in an incomplete TLS record.
    private var mayBeAsking: Bool {
        socket.hasUnreadInput || transport.withLock { $0?.stream.mayHaveInput ?? false }
    }

    /// Called at the deadline of a drain.
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
            let deadline = ContinuousClock.now + limits.headTimeout
            if service.isEncrypted {
                try await socket.waitReadable(deadline: deadline)
                phase.store(.greeting, ordering: .relaxed)
            }
            let transport = try await ServerTransport(
                accepting: socket, context: service.context, deadline: deadline)
            self.transport.withLock { $0 = transport }
            // If a drain has begun, the connection is treated like one from before the drain.
            if !service.isDraining { phase.store(.fresh, ordering: .relaxed) }
            await serve(transport)
        } catch {
            service.server.logger.trace("handshake failed", metadata: ["error": "\(error)"])
        }
    }

    private func serve(_ transport: ServerTransport) async {
        var input = Input(stream: transport.stream, service: service)
        do {
            var served = 0
            while true {
                switch try input.next() {
                case .head(let head):
                    served += 1
                    phase.store(.busy, ordering: .relaxed)
                    let persists: Bool
                    if let answer = try answerImmediately(head, transport, served: served) {
                        let isDone = answer.isComplete && (answer.persists || !input.mayHaveMore)
                        persists = isDone ? answer.persists : try await finish(answer, &input)
                    } else {
                        persists = try await exchange(head, &input, transport, served: served)
                    }
                    guard persists else { return }
                    if served % limits.pipelinedRequests == 0 { await Task.yield() }
                    phase.store(.betweenRequests(hasMore: input.hasMore), ordering: .relaxed)
                case .more:
                    // A partial request counts as busy during a drain.
                    if input.isUnderway { phase.store(.busy, ordering: .relaxed) }
                    let quiet = ConnectionPhase.quiet(
                        served: served, isUnderway: input.isUnderway, isDraining: service.isDraining,
                        mayBeAsking: mayBeAsking, limits)
                    guard let quiet else { return }
                    do {
                        try await transport.stream.waitReadable(deadline: input.deadline(quiet: quiet))
                    } catch let error as ReactorError where error.code == .timedOut {
                        guard input.isUnderway else { return }
                        throw Problem(.requestTimeout, "The request header did not arrive in time.")
                    }
                case .end: return
                }
            }
        } catch let error as HTTPWireError {
            await refuse(Problem(error), &input, transport)
        } catch let problem as Problem {
            await refuse(problem, &input, transport)
        } catch {
            service.server.logger.trace("connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Answers a request without a body whose handler never suspends. Nil for others. Most requests are of
    /// this kind, and need no asynchronous call.
    private func answerImmediately(
        _ head: RequestHead, _ transport: ServerTransport, served: Int
    ) throws -> Sending? {
        guard head.framing == .none,
            let (route, handler) = service.server.router.immediate(head.method, head.path)
        else { return nil }
        let (request, fault) = request(head)
        if fault != nil { return nil }
        let exchange = Exchange(service: service, transport: transport, peer: peer, request: request)
        let response: Response
        do {
            response = try route.respond(to: request, with: handler)
        } catch {
            response = service.response(to: error, request: request)
        }
        return try exchange.begin(response, mayPersist: mayPersist(served: served))
    }

    // The functions below are not inlined: an async function's locals stay allocated with its task, so
    // inlined ones would cost memory for every idle connection.

    /// Answers a malformed request, and closes the connection so that the client can read the response.
    @inline(never)
    private func refuse(_ problem: Problem, _ input: inout Input, _ transport: ServerTransport) async {
        let isHead = input.isHeadRequest
        guard (try? await refuse(problem, over: transport, isHead: isHead)) != nil else { return }
        transport.stream.shutdownWrite()
        await input.discardRest()
    }

    @inline(never)
    private func refuse(_ problem: Problem, over transport: ServerTransport, isHead: Bool) async throws {
        let exchange = Exchange(
            service: service, transport: transport, peer: peer, request: nil, isHead: isHead)
        _ = try await exchange.begin(service.response(to: problem, request: nil), mayPersist: false).finish()
    }

    /// The decision about a request before its body is read.
    private enum Verdict {
        case answered(Response)
        case admitted(Route, Request)
    }

    /// Decides by route, method and the route's gate.
    private func judge(_ request: Request, _ fault: HTTPWireError?) -> Verdict {
        do {
            let match = try service.server.router.match(request.method, request.path)
            guard case .found(let route, let parameters) = match else {
                if let fault { throw fault }
                return .answered(try Router.response(to: request, match))
            }
            let request = request.with(body: [], parameters: parameters)
            if let fault { return .answered(try route.response(to: Problem(fault), request)) }
            if let refusal = try route.refusal(of: request) { return .answered(refusal) }
            return .admitted(route, request)
        } catch {
            return .answered(service.response(to: error, request: request))
        }
    }

    /// Handles a request: decides, reads its body, runs its handler, and sends the response.
    ///
    /// - Returns: whether another request may follow.
    @inline(never)
    private func exchange(
        _ head: RequestHead, _ input: inout Input, _ transport: ServerTransport, served: Int
    ) async throws -> Bool {
        let (asked, fault) = request(head)
        let exchange = Exchange(service: service, transport: transport, peer: peer, request: asked)
        var body = HeldBody(service.server.admission)
        defer { body.release() }
        var isRead = head.framing == .none
        let response: Response
        switch judge(asked, fault) {
        case .answered(let answer): response = answer
        case .admitted(let route, var request):
            if !isRead, route.takesBody {
                if let problem = try await read(&body, of: head, for: route, &input, exchange) {
                    response =
                        (try? route.response(to: problem, request))
                        ?? service.response(to: problem, request: request)
                    break
                }
                isRead = true
                request = request.with(body: body.bytes, parameters: request.parameters)
            }
            phase.store(.handling, ordering: .relaxed)
            do {
                response = try await route.respond(to: request)
            } catch {
                if Task.isCancelled {
                    // The client has disconnected, and its handler was cancelled.
                    exchange.log(status: 499, bytes: 0)
                    return false
                }
                response = service.response(to: error, request: request)
            }
        }
        let mayPersist = mayPersist(served: served, isBodyRead: isRead)
        return try await finish(
            try exchange.begin(response, mayPersist: mayPersist), &input, leavesBody: !isRead)
    }

    private func mayPersist(served: Int, isBodyRead: Bool = true) -> Bool {
        ConnectionPhase.mayPersist(
            served: served, maximum: limits.requestsPerConnection, isBodyRead: isBodyRead,
            isDraining: service.isDraining)
    }

    /// - Returns: the reason if the body is refused, else nil.
    /// - Throws: the socket's error.
    private func read(
        _ body: inout HeldBody, of head: RequestHead, for route: Route, _ input: inout Input,
        _ exchange: Exchange
    ) async throws -> (any Error)? {
        guard let coding = BodyCoding(head) else { return BodyCoding.refusal }
        let maximumBytes = route.maximumBodyBytes ?? limits.bodyBytes
        do {
            try await input.read(&body, of: head, maximumBytes: maximumBytes)
            if coding == .gzip {
                try await body.decompress(
                    maximumBytes: maximumBytes, pieceBytes: limits.decompressedPieceBytes)
            }
            return nil
        } catch let error where error is Problem || error is HTTPWireError {
            return (error as? HTTPWireError).map(Problem.init) ?? error
        } catch {
            exchange.log(status: 499, bytes: 0)
            throw error
        }
    }

    /// Sends the rest of a response. After the last response, later bytes of the client are read and dropped:
    /// closing with unread bytes would reset the connection, and the client would lose the response.
    ///
    /// - Parameter leavesBody: whether unread bytes of the request's body may follow.
    /// - Returns: whether another request may follow.
    @inline(never)
    private func finish(
        _ sending: Sending, _ input: inout Input, leavesBody: Bool = false
    ) async throws -> Bool {
        // A stream's producer is also a handler, and may wait for other things than the client.
        phase.store(sending.isStream ? .handling : .busy, ordering: .relaxed)
        defer { phase.store(.busy, ordering: .relaxed) }
        if try await sending.finish() { return true }
        if leavesBody || input.mayHaveMore {
            sending.exchange.transport.stream.shutdownWrite()
            await input.discardRest()
        }
        return false
    }

    /// - Returns: the request without its body, and the error of its query.
    private func request(_ head: RequestHead) -> (Request, HTTPWireError?) {
        let origin = ClientOrigin(
            head.headers, peer: peer, scheme: service.isEncrypted ? .https : .http,
            trust: service.server.configuration.trust)
        var query = Form()
        var fault: HTTPWireError?
        do throws(HTTPWireError) {
            if let text = head.query { query = try Form(decoding: text) }
        } catch {
            fault = error
        }
        let request = Request(
            head: head, query: query, peer: socket.peer, clientAddress: origin.address, scheme: origin.scheme,
            id: origin.requestID ?? service.server.identifiers.next())
        return (request, fault)
    }
}
