package import FoundationEssentials
package import Postgres
package import Salesforce

/// Tenants' use of their API quota, by the hour.
package struct UsageStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Records the last reported use. A late report never lowers the figure of its hour.
    package func record(_ usage: LimitInfo, of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.api_usage (organization_id, hour, used, allowed)
            values (\(organization), date_trunc('hour', now()), \(usage.used), \(usage.allowed))
            on conflict (organization_id, hour) do update
            set used = greatest(api_usage.used, excluded.used), allowed = excluded.allowed, updated_at = now()
            """)
    }

    /// The last recorded use of an org.
    package func latest(of organization: UUID) async throws -> LimitInfo? {
        let rows = try await connection.query(
            """
            select used, allowed from multiconnect.api_usage where organization_id = \(organization)
            order by hour desc limit 1
            """)
        return try rows.first.map { LimitInfo(used: try $0["used"], allowed: try $0["allowed"]) }
    }
}
