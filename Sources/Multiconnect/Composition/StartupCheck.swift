import FoundationEssentials
import Logging
import Organizations
import Postgres
import Reactor
import Redis

/// What must be right before a process serves or works: the schema, the secret, Redis' eviction policy.
struct StartupCheck: Sendable {
    /// The control schema is not the one that this version was written for.
    struct SchemaOutdated: Error, CustomStringConvertible {
        let cell: String
        let pending: [String]
        var description: String {
            "the database of the cell \(cell) is not migrated (\(pending.joined(separator: ", "))): "
                + "run `multiconnect migrate` first"
        }
    }

    /// A database that is starting (after a deploy, say) is waited for so long.
    static let patience = Duration.seconds(30)

    let launch: Launch

    func run() async throws {
        for cell in launch.configuration.cellNames {
            let connection = try await connect(to: cell)
            defer { connection.close() }
            if case .unverified(let isEncrypted) = connection.serverTrust {
                launch.logger.warning(
                    "the Postgres server's certificate is not verified: set sslmode=verify-full and sslrootcert",
                    metadata: ["cell": "\(cell)", "encrypted": "\(isEncrypted)"])
            }
            for migrator in try Migrations.all(for: cell) {
                let pending = try await migrator.pending(on: connection)
                guard pending.isEmpty else { throw SchemaOutdated(cell: cell, pending: pending) }
            }
            if cell == Configuration.Defaults.cell {
                try await KeyCheck.verify(launch.configuration.keyRing, on: connection)
            }
        }
        await checkEviction()
    }

    private func connect(to cell: String) async throws -> PostgresConnection {
        let configuration = try launch.database(named: cell)
        let deadline = ContinuousClock.now + Self.patience
        while true {
            do {
                return try await PostgresConnection.connect(configuration, deadline: deadline)
            } catch let error as PostgresError where error.isTransient && .now < deadline {
                launch.logger.warning(
                    "waiting for the database", metadata: ["cell": "\(cell)", "error": "\(error)"])
                try await EventLoop.current.sleep(for: .seconds(1))
            }
        }
    }

    /// Redis that evicts may drop waiting jobs. They come back from their rows, but late.
    private func checkEviction() async {
        guard let configuration = try? launch.redis() else { return }
        if configuration.trustsAnyServer {
            launch.logger.warning(
                "the Redis server's certificate is not verified: use rediss:// and a certificate that is trusted",
                metadata: ["redis": "\(configuration)"])
        }
        let client = RedisClient(configuration: configuration)
        defer { client.close() }
        guard let policy = try? await client.evictionPolicy(), policy != "noeviction" else { return }
        launch.logger.warning(
            "Redis may evict keys: set its maxmemory-policy to noeviction, or jobs will be late",
            metadata: ["policy": "\(policy)"])
    }
}
