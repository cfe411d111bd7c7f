import Foundation
import Reactor
import Support
import Testing

@testable import TLS

struct TLSStreamTests {
    let loop = EventLoop(name: "tls")

    /// A connected client and server, for a body on the loop.
    func withPair(
        serverName: String = "localhost", trusting: Bool = true,
        verification: TLSContext.Verification = .full,
        _ body: @escaping @Sendable (_ client: TLSStream, _ server: TLSStream) async throws -> Void
    ) async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let server = try TLSContext.server(certificateFile: certificate.certificate, keyFile: certificate.key)
        let client = try TLSContext.client(
            verification: verification, authorities: trusting ? certificate.certificate : nil)
        try await loop.run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            let deadline = ContinuousClock.now + .seconds(10)
            async let connected = TLSStream.connect(
                over: Socket.connect(to: listener.address, deadline: deadline), context: client,
                serverName: serverName, deadline: deadline)
            let socket = try await listener.accept()
            async let accepted = TLSStream.accept(over: socket, context: server, deadline: deadline)
            let ends = try await (connected, accepted)
            try await body(ends.0, ends.1)
        }
    }

    static func readAll(_ stream: TLSStream) async throws -> [UInt8] {
        var buffer = ReadBuffer(capacity: 1 << 16)
        var bytes: [UInt8] = []
        while try await stream.read(into: &buffer, deadline: .now + .seconds(30)) > 0 {
            bytes += buffer.bytes(0..<buffer.readableCount)
            buffer.consume(buffer.readableCount)
        }
        return bytes
    }

    @Test func `bytes arrive completely over TLS 1.3, in both directions at once`() async throws {
        try await withPair { client, server in
            #expect(client.version == "TLSv1.3")
            let large = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            @Sendable func send(_ stream: TLSStream, _ bytes: [UInt8]) async throws {
                try await stream.write(Array("head".utf8), bytes, deadline: .now + .seconds(30))
                stream.shutdownWrite()
            }
            async let sentByClient: Void = send(client, large)
            async let sentByServer: Void = send(server, Array("small".utf8))
            async let atServer = Self.readAll(server)
            async let atClient = Self.readAll(client)
            try await sentByClient
            try await sentByServer
            #expect(try await atServer == Array("head".utf8) + large)
            #expect(try await atClient == Array("headsmall".utf8))
        }
    }

    @Test func `a certificate without a trusted authority is refused`() async throws {
        let error = await #expect(throws: TLSError.self) { try await withPair(trusting: false) { _, _ in } }
        #expect([.untrusted, .handshake].contains(error?.code))
    }

    @Test func `a certificate of another host is refused`() async throws {
        let error = await #expect(throws: TLSError.self) {
            try await withPair(serverName: "login.example.com") { _, _ in }
        }
        #expect([.untrusted, .handshake].contains(error?.code))
    }

    @Test func `without verification any certificate is accepted`() async throws {
        try await withPair(serverName: "127.0.0.1", trusting: false, verification: .none) { client, server in
            try await client.write([1, 2, 3], deadline: nil)
            client.shutdownWrite()
            #expect(try await Self.readAll(server) == [1, 2, 3])
        }
    }

    @Test func `a stream without close_notify is reported as truncated`() async throws {
        try await withPair { client, server in
            try await client.write([1], deadline: nil)
            client.close()
            let error = await #expect(throws: TLSError.self) { try await Self.readAll(server) }
            #expect(error?.code == .truncated)
        }
    }

    @Test func `bytes that are not TLS fail the handshake`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try TLSContext.server(
            certificateFile: certificate.certificate, keyFile: certificate.key)
        let error = await #expect(throws: TLSError.self) {
            try await loop.run {
                let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
                let client = try await Socket.connect(to: listener.address, deadline: nil)
                try await client.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), deadline: nil)
                _ = try await TLSStream.accept(
                    over: listener.accept(), context: context, deadline: .now + .seconds(5))
            }
        }
        #expect(error?.code == .handshake)
    }

    @Test func `a handshake with a silent client times out`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try TLSContext.server(
            certificateFile: certificate.certificate, keyFile: certificate.key)
        await #expect(throws: ReactorError(.timedOut, operation: "wait")) {
            try await loop.run {
                let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
                let client = try await Socket.connect(to: listener.address, deadline: nil)
                _ = try await TLSStream.accept(
                    over: listener.accept(), context: context, deadline: .now + .milliseconds(20))
                client.close()
            }
        }
    }

    @Test func `a key of another certificate is refused when the server starts`() throws {
        let first = try TestCertificate()
        let second = try TestCertificate()
        defer {
            first.remove()
            second.remove()
        }
        let error = #expect(throws: TLSError.self) {
            _ = try TLSContext.server(certificateFile: first.certificate, keyFile: second.key)
        }
        #expect(error?.code == .credentials)
    }

    @Test func `unusable credential files are named with their problem`() throws {
        let certificate = try TestCertificate()
        let other = try TestCertificate()
        defer {
            certificate.remove()
            other.remove()
        }
        let cases = [
            ("/no/such.pem", certificate.key, "/no/such.pem", "No such file or directory"),
            (certificate.certificate, "/no/such.key", "/no/such.key", "No such file or directory"),
            (certificate.key, certificate.key, certificate.key, "no start line"),
            (certificate.certificate, other.key, other.key, "key values mismatch"),
        ]
        for (certificateFile, keyFile, name, reason) in cases {
            let error = #expect(throws: TLSError.self) {
                _ = try TLSContext.server(certificateFile: certificateFile, keyFile: keyFile)
            }
            let text = "\(error?.description ?? "")"
            #expect(text.contains(name) && text.contains(reason), "\(text)")
        }
    }
}
