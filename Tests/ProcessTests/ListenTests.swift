import Foundation
import Reactor
import Support
import TLS
import Testing

extension ProcessTests {
    /// How the web process may be reached.
    struct ListenTests {
        /// The status line of `GET /healthz` over TLS, from whoever the authorities vouch for.
        private func statusLine(_ deployment: Deployment, authorities: String) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(10)
            let socket = try await Socket.connect(
                to: SocketAddress(ip: "127.0.0.1", port: deployment.webPort)!, deadline: deadline)
            let stream = try await TLSStream.connect(
                over: socket, context: .client(authorities: authorities), serverName: "localhost",
                deadline: deadline)
            defer { stream.close() }
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await stream.write(Array(request.utf8), deadline: deadline)
            var buffer = ReadBuffer(capacity: 4096)
            _ = try await stream.read(into: &buffer, deadline: deadline)
            let text = String(decoding: buffer.bytes(0..<buffer.readableCount), as: UTF8.self)
            return String(text.prefix { $0 != "\r\n" })
        }

        @Test func `web serves https itself, and takes a new certificate on SIGHUP`() async throws {
            try await withDatabase { database in
                let first = try TestCertificate()
                let second = try TestCertificate()
                defer {
                    first.remove()
                    second.remove()
                }
                let deployment = try await Deployment(database: database)
                let web = try Program.multiconnect(
                    ["web"],
                    environment: deployment.environment.merging([
                        "TLS_CERTIFICATE": first.certificate, "TLS_KEY": first.key,
                    ]) { $1 })
                try await eventually(within: .seconds(60), "https answers\n\(web.output)") {
                    (try? await statusLine(deployment, authorities: first.certificate)) == "HTTP/1.1 200 OK"
                }
                // The old certificate is kept to be recognised by; its files get the new one.
                let old = first.directory + "/old.pem"
                try FileManager.default.copyItem(atPath: first.certificate, toPath: old)
                for (from, to) in [(second.certificate, first.certificate), (second.key, first.key)] {
                    try FileManager.default.removeItem(atPath: to)
                    try FileManager.default.copyItem(atPath: from, toPath: to)
                }
                web.signal(SIGHUP)
                try await eventually("the new certificate is shown\n\(web.output)") {
                    (try? await statusLine(deployment, authorities: second.certificate)) == "HTTP/1.1 200 OK"
                }
                await #expect(throws: TLSError.self) { try await statusLine(deployment, authorities: old) }
                web.signal(SIGTERM)
                #expect(web.exitStatus() == 0, "\(web.output)")
                try await deployment.stop()
            }
        }
    }
}
