import Foundation
import Logging
import Postgres
import Support
import Testing

@testable import JobWorker
@testable import Jobs

/// Runs the body with a database that has the control schema, and a pool of the current loop.
func withJobsDatabase(
    _ body: @concurrent @Sendable (TestDatabase, PostgresPool) async throws -> Void
) async throws {
    try await withMigratedDatabase { database in
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

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
