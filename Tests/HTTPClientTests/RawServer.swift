import Reactor
import Testing

/// A server on loopback that plays a script on each connection, byte for byte.
final class RawServer: Sendable {
    let origin: String
    let port: UInt16
    private let listener: Listener

    private init() throws {
        listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        port = listener.address.port
        origin = "http://127.0.0.1:\(port)"
    }

    /// Runs `body` on its own loop, on which the script serves too.
    @discardableResult
    static func serve<Value: Sendable>(
        _ script: @escaping @Sendable (RawConnection) async throws -> Void,
        while body: @escaping @Sendable (RawServer) async throws -> Value
    ) async throws -> Value {
        let loop = EventLoop(name: "client-tests")
        defer { loop.shutdown() }
        return try await loop.run {
            let server = try RawServer()
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask {
                    try await server.accept(script)
                    return nil
                }
                group.addTask { try await body(server) }
                defer { group.cancelAll() }
                while let value = try await group.next() {
                    if let value { return value }
                }
                throw CancellationError()
            }
        }
    }

    private func accept(_ script: @escaping @Sendable (RawConnection) async throws -> Void) async throws {
        try? await withThrowingDiscardingTaskGroup { group in
            while true {
                let socket = try await listener.accept()
                group.addTask {
                    defer { socket.close() }
                    try? await script(RawConnection(socket))
                }
            }
        }
    }
}

/// One connection of a `RawServer`.
final class RawConnection: @unchecked Sendable {
    let socket: Socket
    private var buffer = ReadBuffer(capacity: 1 << 16)
    let deadline = ContinuousClock.now + .seconds(30)

    init(_ socket: Socket) {
        self.socket = socket
    }

    /// Returns when the client has closed its side.
    func untilClientLeaves() async throws {
        while try await fill() {}
    }

    /// The next line without its end. Nil at the end of the stream.
    func line() async throws -> String? {
        while true {
            for index in 0..<buffer.readableCount where buffer[index] == 10 {
                let bytes = buffer.bytes(0..<index)
                buffer.consume(index + 1)
                return String(decoding: bytes.last == 13 ? bytes.dropLast() : bytes[...], as: UTF8.self)
            }
            guard try await fill() else { return nil }
        }
    }

    func bytes(_ count: Int) async throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            if buffer.isEmpty {
                guard try await fill() else { break }
            }
            let taken = min(count - result.count, buffer.readableCount)
            result += buffer.bytes(0..<taken)
            buffer.consume(taken)
        }
        return result
    }

    /// The next request. Nil if the client has disconnected.
    func request() async throws -> RawRequest? {
        guard let first = try await line() else { return nil }
        var headers: [String: String] = [:]
        while let line = try await line(), !line.isEmpty {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let body = try await bytes(Int(headers["content-length"] ?? "0") ?? 0)
        return RawRequest(line: first, headers: headers, body: body)
    }

    func write(_ text: String) async throws {
        try await socket.write(Array(text.utf8), deadline: deadline)
    }

    func write(_ bytes: [UInt8]) async throws {
        try await socket.write(bytes, deadline: deadline)
    }

    /// A response with a body.
    func answer(_ status: String = "200 OK", _ body: String = "", headers: String = "") async throws {
        try await write("HTTP/1.1 \(status)\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    private func fill() async throws -> Bool {
        buffer.reserve(free: 1 << 14)
        return try await socket.read(into: &buffer, deadline: deadline) > 0
    }
}

struct RawRequest: Sendable {
    let line: String
    let headers: [String: String]
    let body: [UInt8]
}
