import FoundationEssentials
import Reactor

/// A private Postgres cluster and a private Redis for development, on loopback, with all files in one
/// directory.
struct DevelopmentServers: Sendable {
    /// A program is not installed.
    struct Missing: Error, CustomStringConvertible {
        let program: String
        var description: String { "\(program) is not installed: run bin/setup" }
    }

    let guarded: DevelopmentGuard
    let postgresPort: UInt16
    let redisPort: UInt16
    private let postgresPrograms: String

    var databaseURL: String { "postgresql://postgres@127.0.0.1:\(postgresPort)/multiconnect" }
    var maintenanceURL: String { "postgresql://postgres@127.0.0.1:\(postgresPort)/postgres" }
    var redisURL: String { "redis://127.0.0.1:\(redisPort)/0" }

    private var directory: String { guarded.directory }

    init(guarded: DevelopmentGuard) throws {
        self.guarded = guarded
        postgresPort = try DevelopmentServers.freePort()
        redisPort = try DevelopmentServers.freePort()
        postgresPrograms = try DevelopmentServers.postgresPrograms()
    }

    /// A port on which no process listens.
    static func freePort() throws -> UInt16 {
        // Outside of the kernel's range for outgoing connections, which could take the port first.
        for _ in 0..<1000 {
            let port = UInt16.random(in: 20_000..<32_000)
            guard let listener = try? Listener.tcp(host: "127.0.0.1", port: port) else { continue }
            listener.close()
            return port
        }
        throw ReactorError(.closed, operation: "find a free port")
    }

    /// The folder of the newest Postgres version: Debian has one folder per major version.
    private static func postgresPrograms() throws -> String {
        let base = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []).compactMap {
            Int($0)
        }
        guard let newest = versions.max() else { throw Missing(program: "Postgres") }
        return "\(base)/\(newest)/bin"
    }

    /// Creates the Postgres cluster.
    func prepare() async throws {
        let owner = isRoot ? ["-o", "postgres"] : []
        let folder = ChildProcess(
            name: "install", program: "install", arguments: ["-d", "-m", "700"] + owner + [cluster],
            logFile: "\(directory)/initdb.log", workingDirectory: directory, registry: guarded.registry)
        try await folder.finish()
        try await asPostgres(
            "initdb", ["-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        ).finish()
    }

    var postgres: ChildProcess {
        asPostgres(
            "postgres",
            [
                "-D", cluster, "-p", "\(postgresPort)", "-k", cluster,
                "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100",
                // For the times at which changes become visible.
                "-c", "track_commit_timestamp=on",
            ])
    }

    var redis: ChildProcess {
        ChildProcess(
            name: "redis", program: "redis-server",
            arguments: [
                "--port", "\(redisPort)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir",
                directory,
            ], logFile: "\(directory)/redis.log", workingDirectory: directory, registry: guarded.registry)
    }

    private var cluster: String { "\(directory)/postgres" }
    private var isRoot: Bool { ProcessInfo.processInfo.userName == "root" }

    /// Postgres refuses to run as root, so root first switches to the user `postgres`.
    private func asPostgres(_ program: String, _ arguments: [String]) -> ChildProcess {
        let path = "\(postgresPrograms)/\(program)"
        let change = ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", path]
        return ChildProcess(
            name: program, program: isRoot ? "setpriv" : path, arguments: (isRoot ? change : []) + arguments,
            logFile: "\(directory)/\(program).log", workingDirectory: "/", registry: guarded.registry)
    }
}
