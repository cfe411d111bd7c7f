import Foundation
import Reactor
import Synchronization
import Testing

@testable import HTTPClient

struct StreamTests {
    @Test func `a body arrives in order and completely`() async throws {
        let body = (0..<5_000_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 7) }
        let received = try await RawServer.serve { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(body.count)\r\n\r\n")
            try await connection.write(body)
        } while: { server in
            try await HTTPClient().stream(ClientRequest(url: server.origin)) { response in
                #expect(response.status == 200)
                var received: [UInt8] = []
                while let chunk = try await response.next() { received += chunk }
                return received
            }
        }
        #expect(received == body)
    }

    @Test func `a reader that does not read stops the sender`() async throws {
        let sent = Mutex(0)
        let total = 256 << 20
        try await RawServer.serve { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: \(total)\r\n\r\n")
            let chunk = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<total >> 20 {
                try await connection.write(chunk)
                sent.withLock { $0 += chunk.count }
            }
        } while: { server in
            let client = HTTPClient()
            try await client.stream(ClientRequest(url: server.origin, idleTimeout: .milliseconds(400))) {
                response in
                var received = try await response.next()?.count ?? 0
                // Until the sender makes no more progress: the kernel's buffers and ours are full.
                var last = -1
                while case let now = sent.withLock({ $0 }), now != last {
                    last = now
                    try await EventLoop.current.sleep(for: .milliseconds(500))
                }
                #expect(last < 64 << 20)
                while let chunk = try await response.next() {
                    received += chunk.count
                    #expect(chunk.count <= client.limits.bufferedBytes + client.limits.receiveBytes)
                }
                #expect(received == total)
            }
        }
    }

    @Test func `leaving a stream early cuts only its connection`() async throws {
        try await RawServer.serve { connection in
            while let request = try await connection.request() {
                if request.line.contains("endless") {
                    try await connection.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                    while true { try await connection.write("5\r\n12345\r\n") }
                }
                try await connection.answer("200 OK", "x")
            }
        } while: { server in
            let client = HTTPClient()
            try await client.stream(ClientRequest(url: server.origin + "/endless")) { response in
                let first = try await response.next()
                #expect(first != nil)
            }
            #expect(try await client.send(ClientRequest(url: server.origin)).body == [120])
        }
    }

    @Test func `a compressed body is decompressed on request`() async throws {
        // printf 'hello hello hello' | gzip -n | base64
        let packed = Data(base64Encoded: "H4sIAAAAAAAAA8tIzcnJV8hAkACAiPnlEQAAAA==") ?? Data()
        let body = try await RawServer.serve { connection in
            let request = try #require(try await connection.request())
            #expect(request.headers["accept-encoding"] == "gzip")
            try await connection.write(
                "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: \(packed.count)\r\n\r\n")
            try await connection.write(Array(packed))
        } while: { server in
            try await HTTPClient().send(ClientRequest(url: server.origin, acceptsGzip: true)).body
        }
        #expect(String(decoding: body, as: UTF8.self) == "hello hello hello")
    }
}
