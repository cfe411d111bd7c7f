import Foundation
import Logging
import Postgres
import Support
import Testing

@testable import Jobs

/// A database with the jobs' tables, and a pool of the current loop.
func withJobsDatabase(
    _ body: @concurrent @Sendable (TestDatabase, PostgresPool) async throws -> Void
) async throws {
    try await withDatabase { database in
        let connection = try await database.connect()
        try await Migrator(directory: migrations.path).migrate(on: connection)
        connection.close()
        let pool = database.pool(maximum: 8)
        do {
            try await body(database, pool)
            pool.close()
        } catch {
            pool.close()
            throw error
        }
    }
}

private let migrations = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "migrations")

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
