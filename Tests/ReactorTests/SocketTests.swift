import Foundation
import Synchronization
import Testing

@testable import Reactor

struct SocketTests {
    let loop = EventLoop(name: "sockets")

    /// A connected pair over loopback, for a body on the loop.
    func withPair(_ body: @escaping @Sendable (_ client: Socket, _ server: Socket) async throws -> Void)
        async throws
    {
        try await loop.run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            async let client = Socket.connect(to: listener.address, deadline: .now + .seconds(5))
            let server = try await listener.accept()
            try await body(client, server)
        }
    }

    @Test func `bytes arrive completely, and the end of the stream reads as zero`() async throws {
        try await withPair { client, server in
            try await client.write(Array("hello, ".utf8), Array("world".utf8), deadline: nil)
            client.shutdownWrite()
            var buffer = ReadBuffer(capacity: 5)
            var text = ""
            while try await server.read(into: &buffer, deadline: .now + .seconds(5)) > 0 {
                text += String(decoding: buffer.bytes(0..<buffer.readableCount), as: UTF8.self)
                buffer.consume(buffer.readableCount)
            }
            #expect(text == "hello, world")
        }
    }

    @Test func `a write larger than the kernel's buffer waits for its reader`() async throws {
        try await withPair { client, server in
            let size = 32 << 20
            async let sent: Void = {
                try await client.write(
                    [UInt8](repeating: 7, count: size), [8, 9], deadline: .now + .seconds(30))
                client.shutdownWrite()
            }()
            var buffer = ReadBuffer(capacity: 1 << 16)
            var count = 0
            while case let got = try await server.read(into: &buffer, deadline: .now + .seconds(30)), got > 0
            {
                count += got
                buffer.consume(got)
            }
            try await sent
            #expect(count == size + 2)
        }
    }

    @Test func `a read past its deadline times out, and the socket still works`() async throws {
        try await withPair { client, server in
            var buffer = ReadBuffer(capacity: 64)
            await #expect(throws: ReactorError(.timedOut, operation: "wait")) {
                _ = try await server.read(into: &buffer, deadline: .now + .milliseconds(5))
            }
            try await client.write([1, 2, 3], deadline: nil)
            #expect(try await server.read(into: &buffer, deadline: .now + .seconds(5)) == 3)
        }
    }

    @Test func `closing a socket wakes its reader`() async throws {
        try await withPair { client, server in
            await #expect(throws: ReactorError(.closed, operation: "wait")) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        var buffer = ReadBuffer(capacity: 64)
                        _ = try await server.read(into: &buffer, deadline: nil)
                    }
                    group.addTask {
                        await Task.yield()
                        server.close()
                    }
                    try await group.waitForAll()
                }
            }
            _ = client
        }
    }

    @Test func `a reset by the peer is an error with its errno`() async throws {
        try await withPair { client, server in
            client.reset()
            var buffer = ReadBuffer(capacity: 64)
            let error = await #expect(throws: ReactorError.self) {
                _ = try await server.read(into: &buffer, deadline: .now + .seconds(5))
            }
            #expect(error?.errno == ECONNRESET)
        }
    }

    @Test func `a disconnect of the peer is detected without reading`() async throws {
        try await withPair { client, server in
            let isNoticed = Mutex(false)
            server.whenEnded { isNoticed.withLock { $0 = true } }
            client.close()
            while !isNoticed.withLock({ $0 }) { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            #expect(server.isPeerClosed)
        }
    }

    @Test func `a refused connection is an error with its errno`() async throws {
        let error = await #expect(throws: ReactorError.self) {
            try await loop.run {
                let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
                let address = listener.address
                listener.close()
                _ = try await Socket.connect(to: address, deadline: .now + .seconds(5))
            }
        }
        #expect(error?.errno == ECONNREFUSED)
    }

    @Test func `a Unix listener accepts connections and removes its file at the end`() async throws {
        let path = NSTemporaryDirectory() + "reactor-\(UUID().uuidString.prefix(8)).sock"
        try await loop.run {
            let listener = try Listener.unix(path: path)
            async let client = Socket.connect(to: .unix(path: path), deadline: nil)
            let server = try await listener.accept()
            try await client.write([42], deadline: nil)
            var buffer = ReadBuffer(capacity: 1)
            #expect(try await server.read(into: &buffer, deadline: nil) == 1)
            listener.close()
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `a partly read descriptor is still readable`() async throws {
        try await withPair { client, server in
            try await client.write([1, 2, 3, 4], deadline: nil)
            let readiness = try Readiness(descriptor: dup(server.descriptor))
            defer { readiness.close() }
            for _ in 0..<4 {
                try await readiness.readable(deadline: .now + .seconds(5))
                var byte: UInt8 = 0
                #expect(recv(server.descriptor, &byte, 1, 0) == 1)
            }
        }
    }
}

struct SocketAddressTests {
    @Test(arguments: ["127.0.0.1", "::1", "2001:db8::8a2e:370:7334", "255.255.255.255"])
    func `an address prints as it was parsed`(text: String) throws {
        let address = try #require(SocketAddress(ip: text, port: 8080))
        #expect(address.ipText == text)
        #expect(address.port == 8080)
        #expect(unsafe address.withKernelForm { SocketAddress(kernelForm: $0, length: $1) } == address)
    }

    @Test(arguments: ["localhost", "", "1.2.3", "[::1]"])
    func `other text is not an address`(text: String) {
        #expect(SocketAddress(ip: text, port: 1) == nil)
    }

    @Test func `localhost resolves to loopback`() async throws {
        let addresses = try await EventLoop(name: "resolve").run {
            try await Resolver.resolve(host: "localhost", port: 5, deadline: .now + .seconds(10))
        }
        #expect(addresses.contains { $0.ipText == "127.0.0.1" || $0.ipText == "::1" })
    }
}

struct ReadBufferTests {
    @Test func `consumed bytes free space, and growing keeps the contents`() {
        var buffer = ReadBuffer(capacity: 4)
        buffer.append([1, 2, 3, 4])
        buffer.consume(2)
        buffer.append([5, 6])
        #expect(buffer.capacity == 4)
        #expect(buffer.bytes(0..<4) == [3, 4, 5, 6])
        buffer.append([7])
        #expect(buffer.bytes(0..<5) == [3, 4, 5, 6, 7])
    }
}
