import Foundation
import Support
import Testing

private let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
private let readiness = "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"

extension ProcessTests {
    /// SIGTERM loses no request that was there before it.
    @Suite(.tags(.process))
    struct DrainTests {
        @Test(arguments: [1, 2])
        func `what the kernel holds when the process is told to stop is answered`(loops: Int) async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "\(loops)"])
                let herd = Herd()
                let idle = try herd.connect(100, to: deployment.webPort)
                for member in idle { herd.send(health, from: member) }
                #expect(herd.responses(of: idle).count == idle.count)
                // While it stands still, requests come on the connections it has, and new connections.
                web.signal(SIGSTOP)
                let new = try herd.connect(200, to: deployment.webPort)
                for member in idle + new {
                    herd.send(member.isMultiple(of: 2) ? health : readiness, from: member)
                }
                web.signal(SIGTERM)
                web.signal(SIGCONT)
                let answers = herd.responses(of: idle + new)
                #expect(answers.count == 300, "\(web.output.suffix(3000))")
                #expect(Set(answers.values.map(\.status)) == [200])
                #expect(web.exitStatus() == 0, "\(web.output.suffix(3000))")
                try await deployment.stop()
            }
        }

        @Test func `under load each request that was sent before SIGTERM is answered`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "2"])
                let herd = Herd()
                var members = try herd.connect(64, to: deployment.webPort)
                for member in members { herd.send(health, from: member) }
                var answered = 0
                while answered < 5000 {
                    herd.receive(from: members, milliseconds: 1000)
                    for member in members {
                        guard let response = herd.takeResponse(member) else { continue }
                        try #require(response.status == 200)
                        answered += 1
                        // Some connections end, and new ones take their place.
                        var member = member
                        if answered.isMultiple(of: 10) {
                            herd.leave(member)
                            members.removeAll { $0 == member }
                            member = try herd.connect(1, to: deployment.webPort)[0]
                            members.append(member)
                        }
                        herd.send(answered.isMultiple(of: 7) ? readiness : health, from: member)
                    }
                }
                // Each member has one request under way, wherever it is.
                web.signal(SIGTERM)
                let answers = herd.responses(of: members)
                #expect(answers.count == members.count, "\(web.output.suffix(3000))")
                #expect(answers.values.allSatisfy { $0.status == 200 })
                #expect(web.exitStatus() == 0, "\(web.output.suffix(3000))")
                try await deployment.stop()
            }
        }
    }
}
