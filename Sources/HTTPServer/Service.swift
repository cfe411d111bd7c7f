internal import Encoding
internal import HTTPWire
internal import Logging
internal import Reactor
internal import Synchronization
internal import TLS

/// A server on one listener: its connections, and whether it drains.
final class Service: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: Connection] = [:]
        var failure: ReactorError?
        var dateSecond = -1
        var date = ""
        var readBuffers: [ReadBuffer] = []
        var output: [UInt8] = []
    }

    private enum Limits {
        /// Spare read buffers: more than are in use at once if handlers do not wait.
        static let spareReadBuffers = 64
        /// A larger output buffer is not kept.
        static let outputBytes = 65_536
    }

    let server: Server
    let loop: EventLoop
    let limits: HTTPServer.Limits
    private let credentials: (@Sendable () -> TLSContext)?
    private let listener: Listener
    let accessLog: AccessLog?
    private let draining = Atomic<Bool>(false)
    private let state = Mutex(State())

    init(
        server: Server, listener: Listener, loop: EventLoop, credentials: (@Sendable () -> TLSContext)?
    ) {
        self.credentials = credentials
        self.server = server
        self.listener = listener
        self.loop = loop
        limits = server.configuration.limits
        accessLog = server.accessLog.map { AccessLog(loop: loop, output: $0) }
    }

    /// The TLS context of new connections. Nil for plain HTTP.
    var context: TLSContext? { credentials?() }
    var isEncrypted: Bool { credentials != nil }
    /// Whether the server drains: connections end with their request.
    var isDraining: Bool { draining.load(ordering: .relaxed) }
    /// The listener's error.
    var failure: ReactorError? { state.withLock(\.failure) }

    /// Accepts until drained. Returns when the last connection has ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            var accepted = 0
            while let socket = await accept() {
                accepted += 1
                if accepted % limits.acceptedInRow == 0 { await Task.yield() }
                let admitted = server.admission.enter(socket.peer)
                let connection = Connection(socket: socket, service: self)
                guard admitted else {
                    group.addTask { await connection.turnAway() }
                    continue
                }
                state.withLock { $0.connections[ObjectIdentifier(connection)] = connection }
                group.addTask {
                    await connection.run()
                    self.forget(connection)
                }
            }
            listener.close()
            drain()
        }
    }

    private func accept() async -> Socket? {
        do {
            return try await listener.accept()
        } catch let error as ReactorError {
            // During a drain the listener is closed on purpose. Any other error is a failure.
            if error.code != .closed || !isDraining { state.withLock { $0.failure = error } }
        } catch {
            // The shield blocks cancellation. A drain closes the listener.
        }
        return nil
    }

    private func forget(_ connection: Connection) {
        server.admission.leave(connection.socket.peer)
        _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// Closes idle connections and, once the kernel's queue is empty, the listener. Cuts the rest at the
    /// deadline. Loop thread only.
    func drain() {
        guard !draining.exchange(true, ordering: .relaxed) else { return }
        listener.stop()
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.closeIfIdle() }
        loop.schedule(at: .now + limits.drainGrace) { [weak self] in self?.closeSilent() }
        loop.schedule(at: .now + limits.drainTimeout) { [weak self] in self?.cut() }
    }

    private func closeSilent() {
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.closeIfSilent() }
    }

    private func cut() {
        listener.close()
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { connection.cut() }
    }

    /// A read buffer, while a connection has bytes to read. Idle connections have none.
    func takeReadBuffer() -> ReadBuffer {
        state.withLock { $0.readBuffers.popLast() } ?? ReadBuffer(capacity: limits.readBufferBytes)
    }

    func giveBack(_ buffer: consuming ReadBuffer) {
        guard buffer.capacity == limits.readBufferBytes else { return }
        let returned = buffer
        state.withLock { state in
            if state.readBuffers.count < Limits.spareReadBuffers { state.readBuffers.append(returned) }
        }
    }

    /// Lends an empty output buffer and the value of Date, which is updated once a second.
    func withOutput(_ body: (inout [UInt8], _ date: String) throws -> Void) rethrows {
        let second = WallClock.seconds
        try state.withLock { state in
            if second != state.dateSecond {
                state.dateSecond = second
                state.date = InternetDate.http(secondsSince1970: second)
            }
            defer {
                if state.output.capacity <= Limits.outputBytes {
                    state.output.removeAll(keepingCapacity: true)
                } else {
                    state.output = []
                }
            }
            try body(&state.output, state.date)
        }
    }

    /// The response for an error. Unexpected errors are logged here, once.
    func response(to error: any Error, request: Request?) -> Response {
        let problem: Problem
        if let known = (error as? Problem) ?? server.configuration.problem(error) {
            problem = known
        } else if let refusal = error as? HTTPWireError, refusal.code != .unwritableField {
            // A handler decoded input of the client.
            problem = Problem(refusal)
        } else {
            problem = Problem(.internalServerError)
            server.logger.error(
                "request failed",
                metadata: ["request_id": "\(request?.id ?? "")", "error": "\(error)"])
        }
        return server.configuration.problemResponse?(problem, request)
            ?? ProblemDocument.response(to: problem, request: request)
    }
}
