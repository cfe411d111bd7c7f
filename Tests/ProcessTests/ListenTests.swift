import Foundation
import Reactor
import Support
import TLS
import Testing

extension ProcessTests {
    /// The sockets of the web process.
    @Suite(.tags(.process))
    struct ListenTests {
        /// The status line of `GET /healthz` over TLS, with a verified certificate.
        private func statusLine(_ deployment: Deployment, authorities: String) async throws -> String {
            let text = try await overTLS(deployment.webPort, "/healthz", authorities: authorities)
            return String(text.prefix { $0 != "\r\n" })
        }

        /// A complete response over TLS.
        private func overTLS(_ port: UInt16, _ path: String, authorities: String) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(10)
            let socket = try await Socket.connect(
                to: SocketAddress(ip: "127.0.0.1", port: port)!, deadline: deadline)
            let stream = try await TLSStream.connect(
                over: socket, context: .client(authorities: authorities), serverName: "localhost",
                deadline: deadline)
            defer { stream.close() }
            let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await stream.write(Array(request.utf8), deadline: deadline)
            return try await rest(of: stream, deadline: deadline)
        }

        private func rest(
            of stream: any ByteStream, deadline: ContinuousClock.Instant
        ) async throws -> String {
            var buffer = ReadBuffer(capacity: 4096)
            repeat {
                buffer.reserve(free: 4096)
            } while try await stream.read(
                into: &buffer, deadline: deadline) > 0
            return String(decoding: buffer.bytes(0..<buffer.readableCount), as: UTF8.self)
        }

        /// A complete response over a Unix socket.
        private func overUnixSocket(_ path: String) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(10)
            let socket = try await Socket.connect(to: .unix(path: path), deadline: deadline)
            defer { socket.close() }
            let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            try await socket.write(Array(request.utf8), deadline: deadline)
            return try await rest(of: socket, deadline: deadline)
        }

        @Test func `a Unix socket replaces the port, is shared by the loops and removed at the end`()
            async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let path = NSTemporaryDirectory() + "web-\(UUID().uuidString.prefix(8)).sock"
                let environment = deployment.environment.merging(["UNIX_SOCKET": path, "LOOPS": "3"]) { $1 }
                let web = try Program.multiconnect(["web"], environment: environment)
                try await eventually(within: .seconds(60), "the socket answers\n\(web.output)") {
                    (try? await overUnixSocket(path).hasPrefix("HTTP/1.1 200 OK\r\n")) == true
                }
                for _ in 0..<50 {
                    let answer = try await overUnixSocket(path)
                    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                }
                await #expect(throws: (any Error).self) { try await deployment.get("/healthz") }
                web.signal(SIGTERM)
                #expect(web.exitStatus() == 0, "\(web.output)")
                #expect(!FileManager.default.fileExists(atPath: path))
                // A file that is not a socket stays, and the error names it.
                try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
                defer { try? FileManager.default.removeItem(atPath: path) }
                let refused = try Program.multiconnect(["web"], environment: environment)
                #expect(refused.exitStatus() != 0)
                #expect(refused.output.contains(path), "\(refused.output)")
                #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
                try await deployment.stop()
            }
        }

        /// The test holds the socket, like systemd. Connections wait in its backlog while no process runs.
        @Test func `loops share sockets that systemd passes, and a restart loses no connection`() async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
                defer { listener.close() }
                let request = Array(
                    "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
                for _ in 0..<2 {
                    var clients: [Socket] = []
                    for _ in 0..<20 {
                        let socket = try await Socket.connect(to: listener.address, deadline: nil)
                        try await socket.write(request, deadline: nil)
                        clients.append(socket)
                    }
                    let web = try Program.shell(
                        "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" web",
                        environment: deployment.environment.merging(["LOOPS": "3"]) { $1 },
                        input: FileHandle(fileDescriptor: listener.descriptor, closeOnDealloc: false))
                    for client in clients {
                        let answer = try await rest(of: client, deadline: .now + .seconds(60))
                        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(web.output)")
                    }
                    web.signal(SIGTERM)
                    #expect(web.exitStatus() == 0, "\(web.output)")
                }
                try await deployment.stop()
            }
        }

        @Test func `a second web process on the same port is refused, and the first continues`() async throws
        {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "2"])
                let second = try Program.multiconnect(
                    ["web"], environment: deployment.environment.merging(["LOOPS": "2"]) { $1 })
                #expect(second.exitStatus() == 1)
                #expect(
                    second.output.contains("PORT \(deployment.webPort) is in use"), "\(second.output)")
                _ = try await deployment.get("/healthz")
                let limits = try String(contentsOfFile: "/proc/\(web.pid)/limits", encoding: .utf8)
                let core = try #require(limits.firstRange(of: "Max core file size"))
                #expect(limits[core.upperBound...].prefix(40).contains("0 "))
                web.kill()
                try await deployment.stop()
            }
        }

        @Test func `each loop listens on the port itself`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb(["LOOPS": "3"])
                let suffix = ":" + String(format: "%04X", deployment.webPort)
                let sockets = try ["/proc/net/tcp", "/proc/net/tcp6"].flatMap { file in
                    try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter {
                        let columns = $0.split(separator: " ")
                        return columns[1].hasSuffix(suffix) && columns[3] == "0A"
                    }
                }
                #expect(sockets.count == 3)
                let clients = RawClients()
                let connected = try clients.connect(60, to: deployment.webPort)
                for client in connected {
                    clients.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
                }
                #expect(clients.responses(of: connected).count == connected.count)
                web.kill()
                try await deployment.stop()
            }
        }

        /// An external client negotiates TLS 1.2 and 1.3 with http/1.1, and nothing older.
        private func expectVersions(_ port: UInt16, authorities: String) throws {
            func connect(_ version: String) throws -> String {
                let client = try Program.shell(
                    "openssl s_client -connect 127.0.0.1:\(port) -\(version) -alpn h2,http/1.1 "
                        + "-cipher 'DEFAULT:@SECLEVEL=0' -CAfile \(authorities) </dev/null",
                    environment: [:])
                _ = client.exitStatus()
                return client.output
            }
            for version in ["tls1_2", "tls1_3"] {
                let text = try connect(version)
                #expect(text.contains("ALPN protocol: http/1.1"), "\(version): \(text)")
                #expect(text.contains("Verify return code: 0 (ok)"), "\(version): \(text)")
            }
            let old = try connect("tls1_1")
            #expect(old.contains("alert protocol version"), "\(old)")
        }

        @Test func `the org simulator answers https`() async throws {
            try await withLoop {
                let certificate = try TestCertificate()
                defer { certificate.remove() }
                let port = try Deployment.freePort()
                let simulator = try Program.multiconnect(
                    [
                        "org-simulator", "--port", "\(port)", "--orgs", "1", "--accounts", "1",
                        "--tls-certificate", certificate.certificate, "--tls-key", certificate.key,
                    ], environment: [:])
                var answer = ""
                try await eventually(within: .seconds(60), "https answers\n\(simulator.output)") {
                    answer =
                        (try? await overTLS(port, "/simulator", authorities: certificate.certificate)) ?? ""
                    return answer.hasPrefix("HTTP/1.1 200 OK\r\n")
                }
                #expect(answer.contains("https://localhost:\(port)"))
                try expectVersions(port, authorities: certificate.certificate)
                simulator.kill()
                let half = try Program.multiconnect(
                    ["org-simulator", "--tls-key", certificate.key], environment: [:])
                #expect(half.exitStatus() != 0)
                #expect(half.output.contains("--tls-certificate"))
            }
        }

        @Test func `web serves https itself, and loads a new certificate on SIGHUP`() async throws {
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
                // Keeps the old certificate for comparison, and writes the new one to its files.
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
