import HTTPServer
import HTTPWire
import Logging
import Reactor
import Support
import Synchronization
import TLS

/// A server on loopback, for clients that send bytes.
final class TestServer: Sendable {
    let address: SocketAddress
    let log: TestLog

    init(address: SocketAddress, log: TestLog) {
        self.address = address
        self.log = log
    }

    func connect() async throws -> TestClient {
        TestClient(socket: try await Socket.connect(to: address, deadline: .now + timeout))
    }

    /// A TLS client that trusts only `certificate`.
    func connect(trusting certificate: TestCertificate) async throws -> TestClient {
        let context = try TLSContext.client(authorities: certificate.certificate)
        let socket = try await Socket.connect(to: address, deadline: .now + timeout)
        let stream = try await TLSStream.connect(
            over: socket, context: context, serverName: "localhost", deadline: .now + timeout)
        return TestClient(socket: socket, stream: stream)
    }

    /// One request on its own connection.
    func exchange(_ text: String) async throws -> TestResponse {
        let client = try await connect()
        defer { client.close() }
        try await client.send(text)
        return try await client.response()
    }
}

/// Maximum wait of a test for an expected event. It is long, because the machine may be busy.
let timeout = Duration.seconds(20)

/// Serves `router` on its own loop while `body` runs, then drains.
func withServer(
    _ configuration: ServerConfiguration = ServerConfiguration(),
    credentials: (@Sendable () -> TLSContext)? = nil, routes: @Sendable (inout Router) -> Void,
    _ body: @escaping @Sendable (TestServer) async throws -> Void
) async throws {
    var router = Router()
    routes(&router)
    let log = TestLog()
    let server = Server(
        router: router, configuration: configuration, logger: Logger(label: "test") { _ in log },
        accessLog: { log.append($0) })
    let loop = EventLoop(name: "server test")
    defer { loop.shutdown() }
    try await loop.run {
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        let handle = TestServer(address: listener.address, log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve(on: listener, credentials: credentials) }
            group.addTask { try await withDeadline(.now + timeout) { try await body(handle) } }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}

/// A client that sends exactly the bytes of the test.
final class TestClient: Sendable {
    let socket: Socket
    private let stream: any ByteStream
    private let buffer = Mutex(ReadBuffer(capacity: 65_536))

    init(socket: Socket) {
        self.socket = socket
        stream = socket
    }

    init(socket: Socket, stream: TLSStream) {
        self.socket = socket
        self.stream = stream
    }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await stream.write(bytes, deadline: .now + timeout)
    }

    func close() {
        stream.close()
    }

    /// How a client disconnects: with a FIN or with a reset.
    enum Departure: Sendable {
        case close
        case reset
    }

    func leave(_ departure: Departure) {
        switch departure {
        case .close: stream.close()
        case .reset: socket.reset()
        }
    }

    /// Reads more. False at the end of the stream.
    private func fill() async throws -> Bool {
        // Moved out meanwhile: a second reference would copy the whole buffer with each read.
        var taken = buffer.withLock { buffer in
            defer { buffer = ReadBuffer(capacity: 1) }
            return buffer
        }
        taken.reserve(free: 65_536)
        do {
            let count = try await stream.read(into: &taken, deadline: .now + timeout)
            buffer.withLock { [taken] in $0 = taken }
            return count > 0
        } catch {
            buffer.withLock { [taken] in $0 = taken }
            throw error
        }
    }

    private func take(_ count: Int) async throws -> [UInt8] {
        while buffer.withLock({ $0.readableCount }) < count {
            guard try await fill() else { throw UnexpectedEnd() }
        }
        return buffer.withLock { buffer in
            defer { buffer.consume(count) }
            return buffer.bytes(0..<count)
        }
    }

    /// All text until the server closes.
    func rest() async throws -> String {
        while try await fill() {}
        return buffer.withLock { buffer in
            let bytes = buffer.bytes(0..<buffer.readableCount)
            buffer.consume(bytes.count)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Whether the server has closed without another byte.
    func isClosed() async throws -> Bool {
        try await rest().isEmpty
    }

    /// The next line, without its end.
    func line() async throws -> String {
        var line: [UInt8] = []
        while !line.suffix(2).elementsEqual([0x0D, 0x0A]) { line += try await take(1) }
        return String(decoding: line.dropLast(2), as: UTF8.self)
    }

    /// The next response. `toHead`: it has no body, whatever its fields are.
    func response(toHead: Bool = false) async throws -> TestResponse {
        let statusLine = try await line()
        var headers = Headers()
        while case let line = try await line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers.add(String(parts[0]), String(parts[1].dropFirst()))
        }
        var response = TestResponse(statusLine: statusLine, headers: headers)
        if toHead || [100, 204, 304].contains(response.status) { return response }
        if headers["transfer-encoding"] == "chunked" {
            while case let size = Int(try await line(), radix: 16) ?? 0, size > 0 {
                response.chunks.append(String(decoding: try await take(size), as: UTF8.self))
                _ = try await line()
            }
            _ = try await line()
            response.body = response.chunks.joined()
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            response.body = String(decoding: try await take(length), as: UTF8.self)
        } else {
            response.body = try await rest()
        }
        return response
    }
}

struct TestResponse {
    let statusLine: String
    let headers: Headers
    var body = ""
    var chunks: [String] = []

    var status: Int { Int(statusLine.split(separator: " ")[1]) ?? 0 }
    var closes: Bool { headers["connection"] == "close" }
}

struct UnexpectedEnd: Error {}

/// Collects the server's log.
final class TestLog: LogHandler, Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0 } }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    func append(_ lines: [UInt8]) {
        let lines = String(decoding: lines, as: UTF8.self).split(separator: "\n").map(String.init)
        kept.withLock { $0 += lines }
    }

    func log(event: LogEvent) {
        kept.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

/// A condition that one task awaits and another sets.
final class Signal: Sendable {
    private let state = Mutex((isSet: false, waiter: CheckedContinuation<Void, Never>?.none))

    func set() {
        state.withLock { state in
            state.isSet = true
            state.waiter?.resume()
            state.waiter = nil
        }
    }

    var isSet: Bool { state.withLock(\.isSet) }

    func wait() async {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                if state.isSet { continuation.resume() } else { state.waiter = continuation }
            }
        }
    }
}
