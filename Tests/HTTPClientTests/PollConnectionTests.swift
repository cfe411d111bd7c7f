import Reactor
import Support
import Synchronization
import TLS
import Testing

@testable import HTTPClient

struct PollConnectionTests {
    /// A request as CometD's.
    private static func request(_ origin: String, deadline: Duration = .seconds(10)) -> ClientRequest {
        ClientRequest(
            method: "POST", url: origin + "/cometd/60.0", headers: [("Cookie", "a=b"), ("Accept", "x/y")],
            body: Array("[{}]".utf8), deadline: .now + deadline)
    }

    /// The error of `send` against a script.
    private func failure(
        _ limits: HTTPClientLimits = HTTPClientLimits(),
        of change: @escaping @Sendable (inout ClientRequest) -> Void = { _ in },
        _ script: @escaping @Sendable (RawConnection) async throws -> Void
    ) async throws -> HTTPClientError? {
        try await RawServer.serve(script) { server in
            do {
                var request = Self.request(server.origin)
                change(&request)
                _ = try await PollConnection(PollClient(limits: limits)).send(request)
                return nil
            } catch let error as HTTPClientError {
                return error
            }
        }
    }

    @Test func `a request is sent as given, and one connection serves many`() async throws {
        let connections = Mutex(0)
        try await RawServer.serve { connection in
            connections.withLock { $0 += 1 }
            while let request = try await connection.request() {
                #expect(request.line == "POST /cometd/60.0 HTTP/1.1")
                #expect(request.headers["cookie"] == "a=b" && request.headers["accept"] == "x/y")
                #expect(request.headers["host"]?.hasPrefix("127.0.0.1:") == true)
                #expect(request.headers["user-agent"] == "multiconnect" && request.headers["expect"] == nil)
                #expect(request.body == Array("[{}]".utf8))
                try await connection.answer(
                    "200 OK", "[1]", headers: "set-cookie: c=1\r\nset-cookie: d=2\r\n")
            }
        } while: { server in
            let line = PollConnection(PollClient())
            for _ in 0..<5 {
                let response = try await line.send(Self.request(server.origin))
                #expect(response.status == 200 && response.body == Array("[1]".utf8))
                #expect(response.headers.values("Set-Cookie") == ["c=1", "d=2"])
            }
        }
        #expect(connections.withLock { $0 } == 1)
    }

    @Test func `a connection that the server has closed is opened again`() async throws {
        let connections = Mutex(0)
        try await RawServer.serve { connection in
            let number = connections.withLock { count in
                count += 1
                return count
            }
            while try await connection.request() != nil {
                // The first ends without an announcement, the second with one.
                try await connection.answer("200 OK", "", headers: number == 2 ? "connection: close\r\n" : "")
                if number <= 2 { return }
            }
        } while: { server in
            let line = PollConnection(PollClient())
            for _ in 0..<4 {
                #expect(try await line.send(Self.request(server.origin)).status == 200)
                try await EventLoop.current.sleep(for: .milliseconds(50))
            }
        }
        #expect(connections.withLock { $0 } == 3)
    }

    @Test func `a connection that ends early interrupts the response, and the request is not repeated`()
        async throws
    {
        let requests = Mutex(0)
        for answer in ["", "HTTP/1.1 200 OK\r\nconte", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345"] {
            let error = try await failure { connection in
                _ = try await connection.request()
                requests.withLock { $0 += 1 }
                try await connection.write(answer)
            }
            #expect(error?.code == .interrupted && error?.requestWasSent == true)
        }
        #expect(requests.withLock { $0 } == 3)
    }

    @Test func `silence and slowness end the request`() async throws {
        let silent = try await failure(of: { $0.idleTimeout = .milliseconds(50) }) { connection in
            _ = try await connection.request()
            try await connection.untilClientLeaves()
        }
        #expect(silent?.code == .timedOut && silent?.requestWasSent == true)
        let slow = try await failure(of: { $0.deadline = .now + .milliseconds(200) }) { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
            for _ in 0..<100 {
                try await connection.write("x")
                try await EventLoop.current.sleep(for: .milliseconds(20))
            }
        }
        #expect(slow?.code == .timedOut && slow?.requestWasSent == true)
    }

    @Test func `a server that cannot be reached has its code`() async throws {
        let refused = try await failure(of: { $0.url = "http://127.0.0.1:1/" }) { _ in }
        #expect(refused?.code == .connect && refused?.requestWasSent == false)
        #expect(refused?.description.hasPrefix("http client: connect, 127.0.0.1:1: ") == true)
        let label = String(repeating: "x", count: 64)
        let unknown = try await failure(of: { $0.url = "http://\(label).test/" }) { _ in }
        #expect(unknown?.code == .resolve && unknown?.requestWasSent == false)
        let invalid = try await failure(of: { $0.headers.append(("A", "b\r\nc: d")) }) { _ in }
        #expect(invalid?.code == .invalidRequest)
    }

    @Test func `a response beyond its limit is refused`() async throws {
        let error = try await failure(of: { $0.maximumBytes = 4 }) { connection in
            _ = try await connection.request()
            try await connection.answer("200 OK", "12345")
        }
        #expect(error?.code == .tooLarge && error?.requestWasSent == true)
    }

    @Test func `a cancelled request closes its connection`() async throws {
        try await RawServer.serve { connection in
            _ = try await connection.request()
            try await connection.untilClientLeaves()
            try await connection.write("never read")
        } while: { server in
            let line = PollConnection(PollClient())
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: CancellationError.self) {
                        try await line.send(Self.request(server.origin))
                    }
                }
                try? await EventLoop.current.sleep(for: .milliseconds(50))
                group.cancelAll()
            }
        }
    }

    /// Serves two requests over TLS, with the certificate of `localhost`.
    private func overTLS(
        host: String = "localhost", isTrusted: Bool = true
    ) async throws -> [Result<ClientResponse, HTTPClientError>] {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try TLSContext.server(
            certificateFile: certificate.certificate, keyFile: certificate.key)
        return try await RawServer.serve { connection in
            let stream = try await TLSStream.accept(
                over: connection.socket, context: context, deadline: connection.deadline)
            var buffer = ReadBuffer(capacity: 1 << 12)
            while try await stream.read(into: &buffer, deadline: connection.deadline) > 0 {
                buffer.consume(buffer.readableCount)
                // In two records.
                for text in [
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhe", "llo\r\n0\r\n\r\n",
                ] {
                    try await stream.write(Array(text.utf8), deadline: connection.deadline)
                }
            }
        } while: { server in
            var limits = HTTPClientLimits()
            if isTrusted { limits.certificateFile = certificate.certificate }
            let line = PollConnection(PollClient(limits: limits))
            var results: [Result<ClientResponse, HTTPClientError>] = []
            for _ in 0..<2 {
                do {
                    results.append(
                        .success(try await line.send(Self.request("https://\(host):\(server.port)"))))
                } catch let error as HTTPClientError {
                    results.append(.failure(error))
                }
            }
            return results
        }
    }

    @Test func `requests are sent over TLS, to a verified server only`() async throws {
        for result in try await overTLS() { #expect(try result.get().body == Array("hello".utf8)) }
        for results in [try await overTLS(host: "127.0.0.1"), try await overTLS(isTrusted: false)] {
            for case .failure(let error) in results {
                #expect(error.code == .tls && !error.requestWasSent, "\(String(reflecting: error))")
            }
            #expect(!results.contains { (try? $0.get()) != nil })
        }
    }
}
