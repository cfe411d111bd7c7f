import Foundation
package import Postgres
import Reactor

/// An empty database on the server of `TEST_DATABASE_URL`, made for one test and dropped after it.
package struct TestDatabase: Sendable {
    package let name: String
    /// For what takes a URL, such as a process.
    package let url: String
    package let configuration: PostgresConfiguration

    /// Opens a session; on a loop.
    package func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(configuration)
    }

    /// A pool of the current loop.
    package func pool(maximum: Int = 4) -> PostgresPool {
        PostgresPool(configuration: configuration, maximum: maximum)
    }

    /// The server that `bin/test` started; its `postgres` database.
    package static var serverURL: String {
        get throws {
            guard let url = ProcessInfo.processInfo.environment["TEST_DATABASE_URL"] else {
                throw MissingServer(variable: "TEST_DATABASE_URL")
            }
            return url
        }
    }

    static func create() async throws -> TestDatabase {
        let serverURL = try serverURL
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        let server = try await PostgresConnection.connect(
            PostgresConfiguration(url: serverURL), deadline: .now + .seconds(30))
        defer { server.close() }
        try await server.script("create database \(SQL.quote(identifier: name))")
        guard var components = URLComponents(string: serverURL) else {
            throw MissingServer(variable: "TEST_DATABASE_URL")
        }
        components.path = "/" + name
        let url = components.string ?? serverURL
        return TestDatabase(name: name, url: url, configuration: try PostgresConfiguration(url: url))
    }

    func drop() async throws {
        let server = try await PostgresConnection.connect(PostgresConfiguration(url: try Self.serverURL))
        defer { server.close() }
        try await server.script("drop database if exists \(SQL.quote(identifier: name)) with (force)")
    }
}

/// Runs `body` on an event loop, with a fresh database that is dropped at the end.
package func withDatabase<R: Sendable>(
    _ body: @concurrent @Sendable (TestDatabase) async throws -> R
) async throws -> R {
    try await withLoop {
        let database = try await TestDatabase.create()
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
