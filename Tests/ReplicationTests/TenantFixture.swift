import Foundation
import Postgres
import SampleDescribes
import Support
import TenantSchema

@testable import Replication

/// A database with an ordinary role, `hstore` in a separate schema, and a tenant.
struct TenantFixture: Sendable {
    let database: TestDatabase
    let configuration: PostgresConfiguration
    let tenant: Tenant

    var schema: String { tenant.schema }

    /// Sessions of users: everything has its default.
    func connect() async throws -> PostgresConnection {
        try await PostgresConnection.connect(configuration)
    }

    func pool(maximum: Int = 4) -> PostgresPool {
        PostgresPool(configuration: configuration, maximum: maximum)
    }

    static let orgID = "00D000000000001EAA"

    static func tenant(orgID: String = orgID) -> Tenant {
        Tenant(
            id: UUID(), orgID: orgID, schema: "salesforce" + orgID.lowercased(),
            cell: "default", connectionID: UUID())
    }

    /// Makes the schema with the default mapping.
    func provision(_ plans: [TablePlan]? = nil) async throws {
        let pool = pool()
        defer { pool.close() }
        try await provision(plans, on: pool)
    }

    func provision(_ plans: [TablePlan]? = nil, on pool: PostgresPool) async throws {
        let schema = TenantDatabase(tenant: tenant, pool: pool)
        let ddl = try await schema.preflight()
        let plans = try plans ?? Describes.defaultPlans()
        try await schema.run(ddl.foundation + plans.flatMap(ddl.table)) { _ in false }
    }
}

/// Runs `body` on a loop with a new tenant's database, and drops it.
func withTenantDatabase<R: Sendable>(
    hstore: String? = "heroku_ext", _ body: @concurrent @Sendable (TenantFixture) async throws -> R
) async throws -> R {
    let role = "role_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    return try await withDatabase { database in
        let server = try await database.connect()
        defer { server.close() }
        let name = SQL.quote(identifier: database.name)
        try await server.script(
            """
            create role \(role) login;
            alter database \(name) owner to \(role);
            alter schema public owner to \(role);
            alter database \(name) set timezone to 'Pacific/Chatham';
            """)
        if let hstore {
            try await server.script(
                "create schema \(hstore); grant usage on schema \(hstore) to \(role); create extension hstore schema \(hstore)"
            )
        }
        var components = URLComponents(string: database.url)
        components?.user = role
        let fixture = TenantFixture(
            database: database,
            configuration: try PostgresConfiguration(url: components?.string ?? database.url),
            tenant: TenantFixture.tenant())
        do {
            let value = try await body(fixture)
            try await drop(role, on: server)
            return value
        } catch {
            try? await drop(role, on: server)
            throw error
        }
    }
}

private func drop(_ role: String, on server: PostgresConnection) async throws {
    // Sessions that have not quite ended still remove what they made for themselves.
    try await server.script(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '\(role)'")
    try await server.script(
        "reassign owned by \(role) to current_user; drop owned by \(role); drop role \(role)")
}
