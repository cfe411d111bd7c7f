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
        try await connection.script(try migration("0002_create_jobs.sql"))
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

private func migration(_ name: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "migrations/\(name)"), encoding: .utf8)
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
