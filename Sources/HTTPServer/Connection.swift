internal import HTTPWire
internal import Logging
internal import Reactor
internal import Synchronization

/// One client's connection, from its acceptance to its end. Loop-confined.
final class Connection: Sendable {
    let socket: Socket
    private let service: Service
    /// The text of the other end's address.
    private let peer: String
    private let phase = Atomic<ConnectionPhase>(.fresh)
    /// Set once hands are shaken.
    private let transport = Mutex<Transport?>(nil)

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

    /// Serves until either side is done.
    func run() async {
        await socket.runReader {
            await self.shakeHandsAndServe()
        } isCancelledAtEnd: {
            // The client left, or a drain has cut the connection.
            self.phase.load(ordering: .relaxed).isCancelledWhenClientLeaves
        }
        close()
    }

    /// Answers 503 to one connection too many; over TLS a handshake would cost more than it is worth.
    func turnAway() async {
        let problem = Problem(
            .serviceUnavailable, "Too many connections.", headers: ["Retry-After": "1"])
        if !service.isEncrypted,
            let transport = try? await Transport(accepting: socket, context: nil, deadline: .now)
        {
            var input = Input(stream: socket, service: service)
            _ = try? input.next()
            try? await refuse(problem, over: transport, isHead: input.isHeadRequest)
        }
        // Closing while its request is unread would reset the connection, and some clients lose the answer then.
        var unread = ReadBuffer(capacity: limits.readBufferBytes)
        _ = try? socket.readAvailable(into: &unread)
        socket.close()
    }

    /// Part of a drain.
    func closeIfIdle() {
        if phase.load(ordering: .relaxed).endsAtDrain(mayBeAsking: mayBeAsking) { close() }
    }

    /// Part of a drain, a while after its beginning: whoever connects only to have a connection at hand asks nothing.
    func closeIfSilent() {
        if phase.load(ordering: .relaxed).endsAfterGrace(mayBeAsking: mayBeAsking) { close() }
    }

    /// Whether bytes of a request have come that no event has told of yet, or that TLS keeps until the record is whole.
    private var mayBeAsking: Bool {
        socket.hasUnreadInput || transport.withLock { $0?.stream.mayHaveInput ?? false }
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
            let deadline = ContinuousClock.now + limits.headTimeout
            if service.isEncrypted {
                try await socket.waitReadable(deadline: deadline)
                phase.store(.greeting, ordering: .relaxed)
            }
            let transport = try await Transport(
                accepting: socket, context: service.context, deadline: deadline)
            self.transport.withLock { $0 = transport }
            // In a drain it is waited for as long as for a connection that was there when the drain began.
            if !service.isDraining { phase.store(.fresh, ordering: .relaxed) }
            await serve(transport)
        } catch {
            service.server.logger.trace("handshake failed", metadata: ["error": "\(error)"])
        }
    }

    private func serve(_ transport: Transport) async {
        var input = Input(stream: transport.stream, service: service)
        do {
            var served = 0
            while true {
                switch try input.next() {
                case .head(let head):
                    served += 1
                    let mayPersist = served < limits.requestsPerConnection
                    phase.store(.busy, ordering: .relaxed)
                    let goesOn: Bool
                    if let answer = try answerImmediately(head, transport, mayPersist: mayPersist) {
                        let isDone = answer.isComplete && (answer.persists || !input.mayHaveMore)
                        goesOn = isDone ? answer.persists : try await finish(answer, &input)
                    } else {
                        goesOn = try await exchange(head, &input, transport, mayPersist: mayPersist)
                    }
                    guard goesOn else { return }
                    if served % limits.pipelinedRequests == 0 { await Task.yield() }
                    phase.store(input.hasMore ? .busy : .idle, ordering: .relaxed)
                case .more:
                    // Half of a request: no drain may take it for nothing.
                    if input.isUnderway { phase.store(.busy, ordering: .relaxed) }
                    let quiet = ConnectionPhase.quiet(
                        served: served, isUnderway: input.isUnderway, isDraining: service.isDraining,
                        mayBeAsking: mayBeAsking, limits)
                    guard let quiet else { return }
                    do {
                        try await transport.stream.waitReadable(deadline: input.deadline(quiet: quiet))
                    } catch let error as ReactorError where error.code == .timedOut {
                        guard input.isUnderway else { return }
                        throw Problem(.requestTimeout, "The header took too long.")
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

    /// Answers a request without a body whose handler waits for nothing; nil for others. Most of what is asked all the
    /// time is of this kind, and such a request costs no asynchronous call.
    private func answerImmediately(
        _ head: RequestHead, _ transport: Transport, mayPersist: Bool
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
        return try exchange.begin(response, mayPersist: mayPersist && !service.isDraining)
    }

    // What follows is kept out of line: an async function's locals stay allocated with its task, so inlined ones would
    // cost every idle connection memory.

    /// Answers what could not be read as a request, and ends the connection so that the client sees the
    /// answer.
    @inline(never)
    private func refuse(_ problem: Problem, _ input: inout Input, _ transport: Transport) async {
        let isHead = input.isHeadRequest
        guard (try? await refuse(problem, over: transport, isHead: isHead)) != nil else { return }
        transport.stream.shutdownWrite()
        await input.discardRest()
    }

    @inline(never)
    private func refuse(_ problem: Problem, over transport: Transport, isHead: Bool) async throws {
        let exchange = Exchange(
            service: service, transport: transport, peer: peer, request: nil, isHead: isHead)
        _ = try await exchange.begin(service.response(to: problem, request: nil), mayPersist: false).finish()
    }

    /// What becomes of a request before its body is read.
    private enum Verdict {
        case answered(Response)
        case admitted(Route, Request)
    }

    /// Judges by route, method and the route's gate.
    private func judge(_ request: Request, _ fault: HTTPWireError?) -> Verdict {
        do {
            if let fault { throw fault }
            let match = try service.server.router.match(request.method, request.path)
            guard case .found(let route, let parameters) = match else {
                return .answered(try Router.response(to: request, match))
            }
            let request = request.with(body: [], parameters: parameters)
            if let refusal = try route.refusal(of: request) { return .answered(refusal) }
            return .admitted(route, request)
        } catch {
            return .answered(service.response(to: error, request: request))
        }
    }

    /// Judges a request, reads its body if it is let in, has it answered, and sends the answer.
    ///
    /// - Returns: whether another request may follow.
    @inline(never)
    private func exchange(
        _ head: RequestHead, _ input: inout Input, _ transport: Transport, mayPersist: Bool
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
                    response = service.response(to: problem, request: request)
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
                    // The client left and its handler gave up.
                    exchange.log(status: 499, bytes: 0)
                    return false
                }
                response = service.response(to: error, request: request)
            }
        }
        // Where the next request begins is not known while a body is unread.
        let goesOn = mayPersist && isRead && !service.isDraining
        return try await finish(
            try exchange.begin(response, mayPersist: goesOn), &input, leavesBody: !isRead)
    }

    /// - Returns: why the body is refused; nil when it is there.
    /// - Throws: what the socket throws.
    private func read(
        _ body: inout HeldBody, of head: RequestHead, for route: Route, _ input: inout Input,
        _ exchange: Exchange
    ) async throws -> (any Error)? {
        if let problem = Problem(refusingCodingsOf: head) { return problem }
        do {
            try await input.read(
                &body, of: head, maximumBytes: route.maximumBodyBytes ?? limits.bodyBytes)
            return nil
        } catch let error where error is Problem || error is HTTPWireError {
            return (error as? HTTPWireError).map(Problem.init) ?? error
        } catch {
            exchange.log(status: 499, bytes: 0)
            throw error
        }
    }

    /// Sends what could not be sent at once. If that was the last answer, what the client has sent behind its request is
    /// read and forgotten: closing with unread bytes would reset the connection, and cost the answer.
    ///
    /// - Parameter leavesBody: whether the request's body is still to come, or a part of it.
    /// - Returns: whether another request may follow.
    @inline(never)
    private func finish(
        _ sending: Sending, _ input: inout Input, leavesBody: Bool = false
    ) async throws -> Bool {
        // Whoever produces a stream is a handler too, and may wait for other things than the client.
        phase.store(sending.isStream ? .handling : .busy, ordering: .relaxed)
        defer { phase.store(.busy, ordering: .relaxed) }
        if try await sending.finish() { return true }
        if leavesBody || input.mayHaveMore {
            sending.exchange.transport.stream.shutdownWrite()
            await input.discardRest()
        }
        return false
    }

    /// - Returns: the request without its body, and what is wrong with its query.
    private func request(_ head: RequestHead) -> (Request, HTTPWireError?) {
        let origin = Origin(
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
