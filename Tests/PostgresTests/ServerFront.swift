import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import TLS

/// A proxy between a client and the test server. To the client it looks like a server with (or without) TLS,
/// and it can inject messages. The test server itself has no certificate.
final class ServerFront: Sendable {
    /// How results of the server are forwarded.
    enum Pace: Sendable {
        case asTheyCome
        /// Whole results of a query after changed parameters, so that two full TLS records are sent.
        case inFullRecords
    }

    private let listener: Listener
    private let server: SocketAddress
    private let context: TLSContext?
    private let clients = Mutex<[any ByteStream]>([])
    private let pace = Mutex(Pace.asTheyCome)

    init(of database: TestDatabase, certificate: TestCertificate?) throws {
        listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        let components = URLComponents(string: database.url)
        server = SocketAddress(
            ip: components?.host ?? "127.0.0.1", port: UInt16(components?.port ?? 5432))!
        context = try certificate.map {
            try TLSContext.server(certificateFile: $0.certificate, keyFile: $0.key)
        }
    }

    var port: UInt16 { listener.address.port }

    func use(_ pace: Pace) { self.pace.withLock { $0 = pace } }

    /// Sends `bytes` to every client as if the server had sent them.
    func inject(_ bytes: [UInt8]) async throws {
        for client in clients.withLock({ $0 }) {
            try await client.write(bytes, deadline: .now + .seconds(20))
        }
    }

    /// The message of a changed, reported setting.
    static func parameterStatus(_ name: String, _ value: String) -> [UInt8] {
        frame("S", Array("\(name)\0\(value)\0".utf8))
    }

    /// The message of a notification.
    static func notification(_ channel: String, _ payload: String) -> [UInt8] {
        frame("A", [0, 0, 0, 1] + Array("\(channel)\0\(payload)\0".utf8))
    }

    private static func frame(_ type: Unicode.Scalar, _ payload: [UInt8]) -> [UInt8] {
        let length = payload.count + 4
        return [UInt8(ascii: type), 0, 0, UInt8(length >> 8), UInt8(length & 255)] + payload
    }

    /// Serves clients until cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            while true {
                let socket = try await listener.accept()
                group.addTask { try? await self.serve(socket) }
            }
        }
    }

    private func serve(_ socket: Socket) async throws {
        let client = try await greet(socket)
        defer { client.close() }
        let upstream = try await Socket.connect(to: server, deadline: .now + .seconds(20))
        defer { upstream.close() }
        clients.withLock { $0.append(client) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.pass(from: client, to: upstream, isAnswer: false) }
            group.addTask { try await self.pass(from: upstream, to: client, isAnswer: true) }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Answers the client's request for encryption.
    private func greet(_ socket: Socket) async throws -> any ByteStream {
        guard let context else { return socket }
        var request = ReadBuffer(capacity: 8)
        while request.readableCount < 8 {
            _ = try await socket.read(into: &request, deadline: .now + .seconds(20))
        }
        try await socket.write([UInt8(ascii: "S")], deadline: .now + .seconds(20))
        return try await TLSStream.accept(over: socket, context: context, deadline: .now + .seconds(20))
    }

    private func pass(from source: any ByteStream, to sink: any ByteStream, isAnswer: Bool) async throws {
        let recordBytes = 16_384
        var buffer = ReadBuffer(capacity: 65_536)
        while try await source.read(into: &buffer, deadline: nil) > 0 {
            var bytes = buffer.bytes(0..<buffer.readableCount)
            buffer.reserve(free: 65_536)
            if isAnswer, pace.withLock({ $0 }) == .inFullRecords {
                // ReadyForQuery ends a result.
                guard bytes.suffix(6).elementsEqual([0x5A, 0, 0, 0, 5, 0x49]) else { continue }
                let padding = (2 * recordBytes - bytes.count) - 4 - 5 - 2
                bytes = Self.parameterStatus("pad", String(repeating: "x", count: padding - 1)) + bytes
            }
            buffer.consume(buffer.readableCount)
            try await sink.write(bytes, deadline: .now + .seconds(20))
        }
    }
}

/// Runs `body` on a loop with a database behind a proxy.
func withFront(
    _ certificate: TestCertificate?,
    _ body: @concurrent @Sendable (ServerFront, TestDatabase) async throws -> Void
) async throws {
    try await withDatabase { database in
        let front = try ServerFront(of: database, certificate: certificate)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await front.run() }
            try await body(front, database)
            group.cancelAll()
        }
    }
}
