import Cryptography
import Encoding
import Postgres
import Support

/// The key of the examples of Standard Webhooks.
enum Base64Key {
    static let example = Base64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

/// The keys that seal webhooks in tests.
enum FeedKeys {
    static let ring: KeyRing = {
        do {
            return KeyRing(current: try SecretKey(bytes: [UInt8](0..<32)))
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}

/// Runs `body` with a new database that is control database and cell.
func withFeedDatabase(
    _ body: @concurrent @Sendable (TestDatabase) async throws -> Void
) async throws {
    try await withMigratedDatabase { database in
        let connection = try await database.connect()
        _ = try await Migrator(
            directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
        ).migrate(on: connection)
        connection.close()
        try await body(database)
    }
}
