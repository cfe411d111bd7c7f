import Foundation
import Postgres
import Support

/// A Postgres cluster of one test that kills it.
final class PrivatePostgres: Sendable {
    let directory: URL
    let url: String
    private let server: ServerProgram

    /// Creates the cluster and starts it.
    init() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "multiconnect-postgres-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        self.directory = directory
        let data = directory.appending(path: "data").path
        let port = try Deployment.freePort()
        url = "postgresql://postgres@127.0.0.1:\(port)/postgres"
        if getuid() == 0 {
            let owner = try Program("chown", "/usr/bin/chown", ["postgres", directory.path])
            guard owner.exitStatus() == 0 else { throw Deployment.Failure(owner.output) }
        }
        let cluster = try Self.program(
            "initdb",
            ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"])
        guard cluster.exitStatus() == 0 else { throw Deployment.Failure(cluster.output) }
        server = try ServerProgram {
            try Self.program(
                "postgres",
                ["-D", data, "-p", "\(port)", "-k", directory.path, "-c", "listen_addresses=127.0.0.1"])
        }
        try await untilItAnswers()
    }

    /// Kills the postmaster with -9. Its sessions notice and end.
    func kill() { server.kill() }

    /// Stops the postmaster and its sessions with SIGSTOP, and continues them after `body`. The kernel
    /// accepts connections, and the server does not answer.
    func whileFrozen<R>(_ body: () async throws -> R) async throws -> R {
        let connection = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
        defer { connection.close() }
        let sessions = try await connection.query("select pid from pg_stat_activity").column(as: Int.self)
        let all = [server.program.pid] + sessions.map { Int32($0) }
        for pid in all { Foundation.kill(pid, SIGSTOP) }
        defer { for pid in all { Foundation.kill(pid, SIGCONT) } }
        return try await body()
    }

    /// Restarts the server, which recovers from its log.
    func restart() async throws {
        // It refuses to start while old sessions are ending.
        try await eventually(within: .seconds(30), "Postgres starts again") {
            if !self.server.program.isRunning { try self.server.restart() }
            return await self.answers()
        }
    }

    func remove() {
        server.program.signal(SIGQUIT)
        _ = server.program.exitStatus()
        try? FileManager.default.removeItem(at: directory)
    }

    private func untilItAnswers() async throws {
        try await eventually(within: .seconds(30), "Postgres answers\n\(server.program.output)") {
            await self.answers()
        }
    }

    private func answers() async -> Bool {
        guard let configuration = try? PostgresConfiguration(url: url),
            let connection = try? await PostgresConnection.connect(
                configuration, deadline: .now + .seconds(2))
        else { return false }
        defer { connection.close() }
        return (try? await connection.query("select 1")) != nil
    }

    /// Debian installs the programs of each major version separately. Postgres refuses to run as root.
    private static func program(_ name: String, _ arguments: [String]) throws -> Program {
        let base = "/usr/lib/postgresql"
        let versions = try FileManager.default.contentsOfDirectory(atPath: base).compactMap { Int($0) }
        guard let newest = versions.max() else { throw Deployment.Failure("there is no Postgres in \(base)") }
        let path = "\(base)/\(newest)/bin/\(name)"
        guard getuid() == 0 else { return try Program(name, path, arguments) }
        return try Program(
            name, "/usr/bin/setpriv",
            ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", path] + arguments)
    }
}
