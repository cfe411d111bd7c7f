package import FoundationEssentials
package import Postgres

/// What was done to a tenant, and by whom.
package struct Activity: Sendable, Equatable {
    package let id: Int64
    package let organization: UUID?
    package let actor: String
    package let action: String
    package let detail: String?
    package let createdAt: Date
}

/// The record of what was done. Rows are only ever added.
package struct ActivityStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// - Parameters:
    ///   - actor: `org`, `admin`, `multiconnect`, or an operator's name.
    ///   - action: lower-case words joined by `_` or `.`, as `consent_given`.
    package func add(
        _ action: String, by actor: String, organization: UUID?, detail: String? = nil
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.activity (organization_id, actor, action, detail)
            values (\(organization), \(actor), \(action), \(detail))
            """)
    }

    /// The same, unless as many of this kind were added for the tenant within the last hour: for what strangers
    /// can cause.
    func add(
        _ action: String, by actor: String, organization: UUID, detail: String, hourlyLimit: Int
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.activity (organization_id, actor, action, detail)
            select \(organization)::uuid, \(actor)::text, \(action)::text, \(detail)::text
            where not exists (
                select from (
                    select created_at from multiconnect.activity
                    where organization_id = \(organization)::uuid and action = \(action)::text
                    order by id desc offset \(hourlyLimit - 1) limit 1
                ) as earlier
                where earlier.created_at > now() - interval '1 hour')
            """)
    }

    /// The newest first; of all tenants if none is named.
    package func list(organization: UUID? = nil, before id: Int64? = nil, limit: Int = 100) async throws
        -> [Activity]
    {
        let rows = try await connection.query(
            """
            select id, organization_id, actor, action, detail, created_at from multiconnect.activity
            where (\(organization)::uuid is null or organization_id = \(organization)::uuid)
              and (\(id)::bigint is null or id < \(id)::bigint)
            order by id desc limit \(limit)
            """)
        return try rows.map { row in
            Activity(
                id: try row["id"], organization: try row["organization_id"], actor: try row["actor"],
                action: try row["action"], detail: try row["detail"], createdAt: try row["created_at"])
        }
    }
}
