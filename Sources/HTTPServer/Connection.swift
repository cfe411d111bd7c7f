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
        /// A handler runs; it is cancelled when the client leaves.
        case handling
    }

    let socket: Socket
    private let service: Service
    private let phase = Atomic<Phase>(.fresh)

    init(socket: Socket, service: Service) {
        self.socket = socket
        self.service = service
    }

    private var limits: Limits { service.limits }

    /// Serves until either side is done.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.serve()
                self.socket.close()
            }
            // Ends when the client has closed its side, or with the socket.
            try? await socket.peerClosed()
            if phase.load(ordering: .relaxed) == .handling { group.cancelAll() }
        }
    }

    /// Answers 503 to one connection too many.
    func turnAway() async {
        let problem = Problem(
            .serviceUnavailable, "Too many connections.", headers: ["Retry-After": "1"])
        try? await refuse(problem)
        socket.close()
    }

    /// Part of a drain.
    func closeIfIdle() {
        if phase.load(ordering: .relaxed) == .idle { socket.close() }
    }

    private func serve() async {
        var input = Input(socket: socket, limits: limits)
        do {
            var served = 0
            var quiet = limits.headTimeout
            while let head = try await input.nextHead(quietUntil: .now + quiet) {
                phase.store(.busy, ordering: .relaxed)
                served += 1
                let mayPersist = served < limits.requestsPerConnection
                guard try await exchange(head, &input, mayPersist: mayPersist) else { return }
                if served % limits.pipelinedRequests == 0 { await Task.yield() }
                phase.store(input.hasMore ? .busy : .idle, ordering: .relaxed)
                if service.isDraining, !input.hasMore { return }
                quiet = limits.idleTimeout
            }
        } catch let error as HTTPWireError {
            await refuse(Problem(error), &input)
        } catch let problem as Problem {
            await refuse(problem, &input)
        } catch {
            service.server.logger.trace("connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Answers what could not be read as a request, and ends the connection so that the client sees the
    /// answer.
    private func refuse(_ problem: Problem, _ input: inout Input) async {
        guard (try? await refuse(problem)) != nil else { return }
        socket.shutdownWrite()
        await input.discardRest()
    }

    private func refuse(_ problem: Problem) async throws {
        let exchange = Exchange(service: service, socket: socket, head: nil)
        try await exchange.send(service.response(to: problem, request: nil), mayPersist: false)
    }

    /// Reads a request's body, has it answered, and sends the answer.
    ///
    /// - Returns: whether another request may follow.
    private func exchange(
        _ head: RequestHead, _ input: inout Input, mayPersist: Bool
    ) async throws -> Bool {
        var exchange = Exchange(service: service, socket: socket, head: head)
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
            socket.shutdownWrite()
            await input.discardRest()
            return false
        }
        phase.store(.handling, ordering: .relaxed)
        let response = await respond(to: request, match)
        phase.store(.busy, ordering: .relaxed)
        guard let response else {
            exchange.log(status: 499, bytes: 0)
            return false
        }
        return try await exchange.send(response, mayPersist: mayPersist && !service.isDraining)
    }

    private func request(_ head: RequestHead) throws(HTTPWireError) -> Request {
        let server = service.server
        let origin = Origin(head.headers, peer: socket.peer, trust: server.configuration.trust)
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
