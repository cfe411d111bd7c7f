import Foundation
import Logging
import Organizations
import Postgres
import Salesforce
import Support

@testable import TenantAdmin

/// A migrated control database with tenants.
struct TenantScene: Sendable {
    let pool: PostgresPool

    static func run(_ body: @concurrent @Sendable (TenantScene) async throws -> Void) async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            try await body(TenantScene(pool: pool))
        }
    }

    /// The 18 characters of the org id with a number.
    static func id(_ number: Int) throws -> String {
        try OrganizationID("00D" + String(format: "%012d", number)).text
    }

    /// Adds a tenant and returns its id.
    ///
    /// - Parameter mappings: their states.
    @discardableResult
    func add(
        _ number: Int, name: String? = nil, status: OrganizationStatus = .live, email: String? = nil,
        hours: Int = 1, mappings: [String] = [], rows: Int = 0
    ) async throws -> UUID {
        let org = try Self.id(number)
        let id: UUID = try await pool.query(
            """
            insert into multiconnect.organizations (
                org_id, name, admin_email, schema_name, status, status_since, created_at)
            values (\(org), \(name ?? "Tenant \(number)"), \(email ?? "admin\(number)@example.com"),
                \("salesforce" + org.lowercased()), \(status.rawValue), now() - make_interval(hours => \(hours)),
                now() - make_interval(hours => \(hours)))
            returning id
            """
        ).scalar()
        let connection: UUID = try await pool.query(
            "insert into multiconnect.connections (organization_id, state) values (\(id), 'IDLE') returning id"
        ).scalar()
        for (index, state) in mappings.enumerated() {
            let isSynced = state == "DATA_SYNCED"
            _ = try await pool.execute(
                """
                insert into multiconnect.mappings (
                    connection_id, object_name, config, state, db_count, sf_count, last_error, last_error_at,
                    import_started_at, import_finished_at)
                values (\(connection), \("Object\(index)"), '{}', \(state), \(rows), \(rows + 1),
                    case when \(state)::text = 'ERROR' then 'no access' end,
                    case when \(state)::text = 'ERROR' then now() end, now() - interval '2 hours',
                    case when \(isSynced)::boolean then now() - interval '1 hour' end)
                """)
        }
        return id
    }

    func page(
        _ change: (inout TenantFilter) -> Void = { _ in }, order: TenantOrder = .attention,
        ranks: [UUID: Int] = [:], after position: TenantPosition? = nil, limit: Int = 50
    ) async throws -> TenantPage {
        var filter = TenantFilter()
        change(&filter)
        return try await pool.withConnection {
            try await TenantOverviewStore().page(
                filter, order: order, ranks: ranks, after: position, limit: limit, on: $0)
        }
    }
}

extension TenantPage {
    var names: [String] { tenants.map(\.organization.name.text) }
}
