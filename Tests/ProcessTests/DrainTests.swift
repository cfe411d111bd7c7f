import Foundation
import Support
import Testing

private let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
private let readiness = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"

extension ProcessTests {
    /// SIGTERM loses no request that was sent before it.
    @Suite(.tags(.process))
    struct DrainTests {
        @Test(arguments: [1, 2])
        func `requests and connections in the kernel at SIGTERM are answered`(loops: Int) async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "\(loops)"])
                let clients = RawClients()
                let idle = try clients.connect(100, to: deployment.webPort)
                for client in idle { clients.send(health, from: client) }
                #expect(clients.responses(of: idle).count == idle.count)
                // While it is stopped, requests arrive on its connections and on new ones.
                web.signal(SIGSTOP)
                let new = try clients.connect(200, to: deployment.webPort)
                for client in idle + new {
                    clients.send(client.isMultiple(of: 2) ? health : readiness, from: client)
                }
                web.signal(SIGTERM)
                web.signal(SIGCONT)
                let answers = clients.responses(of: idle + new)
                #expect(answers.count == 300, "\(web.output.suffix(3000))")
                #expect(Set(answers.values.map(\.status)) == [200])
                #expect(web.exitStatus() == 0, "\(web.output.suffix(3000))")
                try await deployment.stop()
            }
        }

        @Test func `under load each request from before SIGTERM is answered`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "2"])
                let clients = RawClients()
                var connected = try clients.connect(64, to: deployment.webPort)
                for client in connected { clients.send(health, from: client) }
                var answered = 0
                while answered < 5000 {
                    clients.receive(from: connected, milliseconds: 1000)
                    for client in connected {
                        guard let response = clients.takeResponse(client) else { continue }
                        try #require(response.status == 200)
                        answered += 1
                        // Some connections end, and new ones replace them.
                        var client = client
                        if answered.isMultiple(of: 10) {
                            clients.leave(client)
                            connected.removeAll { $0 == client }
                            client = try clients.connect(1, to: deployment.webPort)[0]
                            connected.append(client)
                        }
                        clients.send(answered.isMultiple(of: 7) ? readiness : health, from: client)
                    }
                }
                // Each client has one pending request.
                web.signal(SIGTERM)
                let answers = clients.responses(of: connected)
                #expect(answers.count == connected.count, "\(web.output.suffix(3000))")
                #expect(answers.values.allSatisfy { $0.status == 200 })
                #expect(web.exitStatus() == 0, "\(web.output.suffix(3000))")
                try await deployment.stop()
            }
        }
    }
}
