import Foundation
import Reactor
import Support

@testable import Redis

/// A Redis for one test that would disturb others: passwords, kills, restarts.
final class RedisServer {
    let port: UInt16
    private let password: String?
    private let certificate: TestCertificate?
    private var process = Process()

    /// - Parameter certificate: the server accepts only TLS.
    init(port: UInt16, password: String? = nil, certificate: TestCertificate? = nil) throws {
        self.port = port
        self.certificate = certificate
        self.password = password
        try start()
    }

    deinit { kill() }

    func start() throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            + (password.map { ["--requirepass", $0] } ?? [])
            + (certificate.map { certificate in
                [
                    "--port", "0", "--tls-port", "\(port)", "--tls-auth-clients", "no",
                    "--tls-cert-file", certificate.certificate, "--tls-key-file", certificate.key,
                    "--tls-ca-cert-file", certificate.certificate,
                ]
            } ?? ["--port", "\(port)"])
        process.standardOutput = FileHandle.nullDevice
        try process.run()
    }

    /// SIGKILL, like a crash.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// SIGSTOP: the kernel accepts connections, and the server does not answer.
    func hang() {
        Foundation.kill(process.processIdentifier, SIGSTOP)
    }

    /// A configuration, as soon as the server answers.
    func configuration(password: String? = nil) async throws -> RedisConfiguration {
        let address = SocketAddress(ip: "127.0.0.1", port: port)!
        for _ in 0..<500 {
            if let socket = try? await Socket.connect(to: address, deadline: .now + .seconds(1)) {
                socket.close()
                break
            }
            try await EventLoop.current.sleep(for: .milliseconds(10))
        }
        let credentials = password.map { ":\($0)@" } ?? ""
        return try RedisConfiguration(url: "redis://\(credentials)127.0.0.1:\(port)/0")
    }

    static func freePort() throws -> UInt16 {
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        defer { listener.close() }
        return listener.address.port
    }
}
