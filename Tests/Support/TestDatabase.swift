import Foundation
package import Postgres
import Reactor

/// An empty database on the server of `TEST_DATABASE_URL`, created for one test and dropped after it.
package struct TestDatabase: Sendable {
    package let name: String
    /// For programs that take a URL.
    package let url: String
    package let configuration: PostgresConfiguration

    /// Opens a session. Runs on a loop.
    package func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(configuration)
    }

    /// A pool of the current loop.
    package func pool(maximum: Int = 4) -> PostgresPool {
        PostgresPool(configuration: configuration, maximum: maximum)
    }

    /// The `postgres` database of the server that `bin/test` started.
    package static var serverURL: String {
        get throws {
            guard let url = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] else {
                throw MissingServer(variable: "TEST_DATABASE_URL")
            }
            return url
        }
    }

    /// Creates a database: empty, or a copy of the template with the control schema.
    static func create(isMigrated: Bool) async throws -> TestDatabase {
        let serverURL = try serverURL
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let server = try await PostgresConnection.connect(
            PostgresConfiguration(url: serverURL), deadline: .now + .seconds(30))
        defer { server.close() }
        let template = isMigrated ? try await migratedTemplate(on: server) : "template1"
        try await server.script(
            "create database \(SQL.quote(identifier: name)) template \(SQL.quote(identifier: template))")
        guard var components = URLComponents(string: serverURL) else {
            throw MissingServer(variable: "TEST_DATABASE_URL")
        }
        components.path = "/" + name
        let url = components.string ?? serverURL
        return TestDatabase(name: name, url: url, configuration: try PostgresConfiguration(url: url))
    }

    /// The template of `withMigratedDatabase`. The first test of a server creates it, the others wait.
    private static func migratedTemplate(on server: PostgresConnection) async throws -> String {
        let name = "migrated"
        try await server.script("select pg_advisory_lock(1)")
        let isThere = try await server.query("select 1 from pg_database where datname = \(name)").first != nil
        if !isThere {
            // Renamed when complete, so that a killed test leaves no partial template.
            let draft = "draft_" + UUID().uuidString.lowercased()
            try await server.script("create database \(SQL.quote(identifier: draft))")
            var components = URLComponents(string: try serverURL)
            components?.path = "/" + draft
            let migrating = try await PostgresConnection.connect(
                PostgresConfiguration(url: components?.string ?? ""))
            try await Migrator(directory: migrations).migrate(on: migrating)
            migrating.close()
            try await eventually("the template has no session") {
                try await server.query("select 1 from pg_stat_activity where datname = \(draft)").first == nil
            }
            try await server.script("alter database \(SQL.quote(identifier: draft)) rename to \(name)")
        }
        try await server.script("select pg_advisory_unlock(1)")
        return name
    }

    /// The folder of the control schema's migrations.
    package static let migrations = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "migrations").path

    func drop() async throws {
        let server = try await PostgresConnection.connect(PostgresConfiguration(url: try Self.serverURL))
        defer { server.close() }
        try await server.script("drop database if exists \(SQL.quote(identifier: name)) with (force)")
    }
}

/// Runs `body` on an event loop with a new database that is dropped at the end.
package func withDatabase<R: Sendable>(
    _ body: @concurrent @Sendable (TestDatabase) async throws -> R
) async throws -> R {
    try await withDatabase(isMigrated: false, body)
}

/// As `withDatabase`, with the control schema.
package func withMigratedDatabase<R: Sendable>(
    _ body: @concurrent @Sendable (TestDatabase) async throws -> R
) async throws -> R {
    try await withDatabase(isMigrated: true, body)
}

private func withDatabase<R: Sendable>(
    isMigrated: Bool, _ body: @concurrent @Sendable (TestDatabase) async throws -> R
) async throws -> R {
    try await withLoop {
        let database = try await TestDatabase.create(isMigrated: isMigrated)
        do {
            let value = try await body(database)
            try await database.drop()
            return value
        } catch {
            try? await database.drop()
            throw error
        }
    }
}

/// The tests were not started through `bin/test`.
package struct MissingServer: Error, CustomStringConvertible {
    package let variable: String
    package var description: String { "\(variable) is not set; run the tests with bin/test" }
}
