import Reactor
import Synchronization
import Testing

@testable import HTTPClient

struct FailureTests {
    /// The error of `send` against a script.
    func failure(
        of request: @escaping @Sendable (RawServer) -> ClientRequest,
        limits: HTTPClientLimits = HTTPClientLimits(),
        _ script: @escaping @Sendable (RawConnection) async throws -> Void
    ) async throws -> HTTPClientError? {
        try await RawServer.serve(script) { server in
            do {
                _ = try await HTTPClient(limits: limits).send(request(server))
                return nil
            } catch let error as HTTPClientError {
                return error
            }
        }
    }

    @Test func `a refused connection and an unknown host have their codes`() async throws {
        let refused = try await failure(of: { _ in ClientRequest(url: "http://127.0.0.1:1/") }) { _ in }
        #expect(refused?.code == .connect)
        #expect(refused?.requestWasSent == false)
        // Longer than a label may be, so that no name server is queried.
        let longLabel = String(repeating: "x", count: 64)
        let unknown = try await failure(of: { _ in ClientRequest(url: "http://\(longLabel).test/") }) { _ in }
        #expect(unknown?.code == .resolve)
        #expect(
            unknown?.description.contains(", \(longLabel).test: ") == true, "\(unknown?.description ?? "")")
        #expect(refused?.description.hasPrefix("http client: connect (curl 7), 127.0.0.1:1: ") == true)
        #expect(unknown?.requestWasSent == false)
    }

    @Test func `a connection that ends early interrupts the response`() async throws {
        let scripts: [@Sendable (RawConnection) async throws -> Void] = [
            { _ = try await $0.request() },
            {
                _ = try await $0.request()
                try await $0.write("HTTP/1.1 200 OK\r\nconte")
            },
            {
                _ = try await $0.request()
                try await $0.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
            },
            {
                _ = try await $0.request()
                try await $0.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n")
            },
            {
                _ = try await $0.request()
                try await $0.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
                $0.socket.reset()
            },
        ]
        for script in scripts {
            let error = try await failure(of: { ClientRequest(url: $0.origin) }, script)
            #expect(error?.code == .interrupted, "\(String(reflecting: error))")
            #expect(error?.requestWasSent == true)
        }
    }

    @Test func `silence beyond the idle timeout ends the request`() async throws {
        let error = try await failure(of: {
            ClientRequest(url: $0.origin, idleTimeout: .milliseconds(20))
        }) { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
            _ = try await connection.line()
        }
        #expect(error?.code == .timedOut)
        #expect(error?.requestWasSent == true)
    }

    @Test func `a slow response is ended by the deadline`() async throws {
        let error = try await failure(of: {
            ClientRequest(url: $0.origin, deadline: .now + .milliseconds(50))
        }) { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while true {
                try await connection.write("1\r\nx\r\n")
                try await EventLoop.current.sleep(for: .milliseconds(2))
            }
        }
        #expect(error?.code == .timedOut)
    }

    @Test func `heads and bodies have their limits`() async throws {
        var limits = HTTPClientLimits()
        limits.headBytes = 1000
        let head = try await failure(of: { ClientRequest(url: $0.origin) }, limits: limits) { connection in
            _ = try await connection.request()
            let padding = String(repeating: "x", count: 90)
            try await connection.answer(
                "200 OK", "x", headers: (0..<12).map { "x-\($0): \(padding)\r\n" }.joined())
        }
        #expect(head?.code == .tooLarge)
        let announced = try await failure(of: { ClientRequest(url: $0.origin, maximumBytes: 9) }) {
            connection in
            _ = try await connection.request()
            try await connection.answer("200 OK", "1234567890")
        }
        #expect(announced?.code == .tooLarge)
        let chunked = try await failure(of: { ClientRequest(url: $0.origin, maximumBytes: 9) }) {
            connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            while true { try await connection.write("5\r\n12345\r\n") }
        }
        #expect(chunked?.code == .tooLarge)
    }

    @Test func `cancelling the task cuts the connection`() async throws {
        try await RawServer.serve { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
            try await connection.untilClientLeaves()
        } while: { server in
            let client = HTTPClient()
            await #expect(throws: CancellationError.self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let (stream, started) = AsyncStream<Void>.makeStream()
                    group.addTask {
                        try await client.stream(ClientRequest(url: server.origin)) { response in
                            #expect(try await response.next() == Array("12345".utf8))
                            started.finish()
                            _ = try await response.next()
                        }
                    }
                    for await _ in stream {}
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    /// Otherwise Salesforce would insert the record twice.
    @Test func `a POST on a dead reused connection is not repeated`() async throws {
        let posts = Mutex(0)
        let error = try await RawServer.serve { connection in
            while let request = try await connection.request() {
                if request.line.hasPrefix("POST") {
                    posts.withLock { $0 += 1 }
                    return
                }
                try await connection.answer()
            }
        } while: { server in
            let client = HTTPClient()
            _ = try await client.send(ClientRequest(url: server.origin))
            do {
                _ = try await client.send(ClientRequest(method: "POST", url: server.origin, body: [1]))
                return nil as HTTPClientError?
            } catch let error as HTTPClientError {
                return error
            }
        }
        #expect(posts.withLock { $0 } == 1)
        #expect(error?.code == .interrupted)
        #expect(error?.requestWasSent == true)
    }

    /// Otherwise records that are deleted already would be reported as failed.
    @Test(arguments: [("DELETE", []), ("PUT", [1])] as [(String, [UInt8])])
    func `a request that may not be repeated is sent once, whatever its method`(
        method: String, body: [UInt8]
    ) async throws {
        let requests = Mutex(0)
        let error = try await RawServer.serve { connection in
            while let request = try await connection.request() {
                if request.line.hasPrefix(method) {
                    requests.withLock { $0 += 1 }
                    return
                }
                try await connection.answer()
            }
        } while: { server in
            let client = HTTPClient()
            _ = try await client.send(ClientRequest(url: server.origin))
            do {
                var request = ClientRequest(method: method, url: server.origin, body: body)
                request.isRepeatable = false
                _ = try await client.send(request)
                return nil as HTTPClientError?
            } catch let error as HTTPClientError {
                return error
            }
        }
        #expect(requests.withLock { $0 } == 1)
        #expect(error?.code == .interrupted && error?.requestWasSent == true)
    }

    @Test func `a GET on a dead reused connection is repeated`() async throws {
        let count = Mutex(0)
        let response = try await RawServer.serve { connection in
            while try await connection.request() != nil {
                if count.withLock({
                    $0 += 1; return $0
                }) == 2 {
                    return
                }
                try await connection.answer("200 OK", "x")
            }
        } while: { server in
            let client = HTTPClient()
            _ = try await client.send(ClientRequest(url: server.origin))
            return try await client.send(ClientRequest(url: server.origin))
        }
        #expect(response.body == [120])
        #expect(count.withLock { $0 } == 3)
    }
}
