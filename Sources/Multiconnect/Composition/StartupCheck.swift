import FoundationEssentials
import Logging
import Organizations
import Postgres
import Reactor
import Redis

/// Checks the schema, the secret and Redis's eviction policy before a process serves requests or runs jobs.
struct StartupCheck: Sendable {
    /// The schema lacks migrations that this version needs.
    struct SchemaOutdated: Error, CustomStringConvertible {
        let cell: String
        let pending: [String]
        var description: String {
            "the database of the cell \(cell) is not migrated (\(pending.joined(separator: ", "))): "
                + "run `multiconnect migrate` first"
        }
    }

    /// How long a server process waits for a database that is starting.
    private static let timeout = Duration.seconds(30)

    let launch: Launch
    /// Whether to wait for a database that does not answer. Commands do not.
    var waits = true

    func run() async throws {
        for cell in launch.configuration.cellNames {
            let connection = try await connect(to: cell)
            defer { connection.close() }
            if case .unverified(let isEncrypted) = connection.serverTrust {
                launch.logger.warning(
                    "postgres certificate not verified: set sslmode=verify-full and sslrootcert",
                    metadata: ["cell": "\(cell)", "encrypted": "\(isEncrypted)"])
            }
            for migrator in try Migrations.all(for: cell) {
                let pending = try await migrator.pending(on: connection)
                guard pending.isEmpty else { throw SchemaOutdated(cell: cell, pending: pending) }
            }
            if cell == Configuration.Defaults.cell {
                try await KeyCheck.verify(
                    launch.configuration.keyRing, columns: SealedColumn.all, on: connection)
            }
        }
        await checkEviction()
    }

    private func connect(to cell: String) async throws -> PostgresConnection {
        let configuration = try launch.database(named: cell)
        let deadline = ContinuousClock.now + Self.timeout
        while true {
            do {
                return try await PostgresConnection.connect(configuration, deadline: deadline)
            } catch let error as PostgresError where waits && error.isTransient && .now < deadline {
                launch.logger.warning(
                    "database unavailable, retrying", metadata: ["cell": "\(cell)", "error": "\(error)"])
                try await EventLoop.current.sleep(for: .seconds(1))
            }
        }
    }

    /// Redis with another policy may evict queued jobs. The reconciler pushes them again, but late.
    private func checkEviction() async {
        guard let configuration = try? launch.redis() else { return }
        if configuration.trustsAnyServer {
            launch.logger.warning(
                "redis certificate not verified: use rediss:// and a trusted certificate",
                metadata: ["redis": "\(configuration)"])
        }
        let client = RedisClient(configuration: configuration)
        defer { client.close() }
        guard let policy = try? await client.evictionPolicy(), policy != "noeviction" else { return }
        launch.logger.warning(
            "redis may evict jobs: set its maxmemory-policy to noeviction",
            metadata: ["policy": "\(policy)"])
    }
}
