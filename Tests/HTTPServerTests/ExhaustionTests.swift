import Glibc
import HTTPServer
import HTTPWire
import Reactor
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

struct ExhaustionTests {
    /// In its own process, because the limit of descriptors belongs to the process.
    @Test func `a server without descriptors waits for some and then serves all clients`() async throws {
        await #expect(processExitsWith: .success) {
            try await withServer { router in
                router.on(.get, "/hello") { _ in .text("hello") }
            } _: { server in
                #expect(try await server.exchange(hello).body == "hello")
                var limit = rlimit(rlim_cur: 64, rlim_max: 64)
                #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                let clients = try await Self.exhaust(server)
                #expect(clients.count > 10)
                for client in clients { try await client.send(hello) }
                // Both sides are in this process: a client that disconnects frees its own descriptor and the
                // server's.
                for (index, client) in clients.enumerated() {
                    if index < 5 {
                        client.close()
                    } else {
                        #expect(try await client.response().body == "hello")
                        client.close()
                    }
                }
                #expect(try await server.exchange(hello).body == "hello")
            }
        }
    }

    private static func exhaust(_ server: TestServer) async throws -> [TestClient] {
        var clients: [TestClient] = []
        while clients.count < 64 {
            do {
                clients.append(try await server.connect())
            } catch let error as ReactorError where error.errno == EMFILE {
                return clients
            }
        }
        return clients
    }
}
