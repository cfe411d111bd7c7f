import Foundation
import Reactor
import Redis
import Support
import Synchronization

/// A test's own Redis on a socket in a temporary directory. It can be emptied, killed and restarted.
final class PrivateRedis: Sendable {
    let directory: URL
    let url: String
    private let process = Mutex<Process?>(nil)

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(
            path: "jobs-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        url = "unix://\(directory.path)/redis.sock"
    }

    func configuration() throws -> RedisConfiguration { try RedisConfiguration(url: url) }

    /// Starts the server and waits until it answers.
    func start() async throws {
        let server = Process()
        server.executableURL = URL(filePath: "/usr/bin/env")
        server.arguments = [
            "redis-server", "--port", "0", "--unixsocket", "\(directory.path)/redis.sock", "--save", "",
            "--appendonly", "no", "--dir", directory.path,
        ]
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        process.withLock { $0 = server }
        try await eventually("Redis answers") {
            guard let connection = try? await RedisConnection.connect(self.configuration()) else {
                return false
            }
            defer { connection.close() }
            return (try? await connection.send(["PING"])) != nil
        }
    }

    /// Kills the server with -9.
    func kill() {
        process.withLock { process in
            guard let running = process else { return }
            Glibc.kill(running.processIdentifier, SIGKILL)
            running.waitUntilExit()
            process = nil
        }
    }

    func remove() {
        kill()
        try? FileManager.default.removeItem(at: directory)
    }
}
