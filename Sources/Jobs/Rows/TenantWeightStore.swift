internal import Activity
package import FoundationEssentials
package import Postgres

/// Statements for the weights of tenants.
package struct TenantWeightStore: Sendable {
    package let limits: JobsLimits

    package init(limits: JobsLimits) {
        self.limits = limits
    }

    /// Sets a tenant's weight; false if the tenant already has that weight.
    package func set(
        _ weight: Int, of organization: UUID, by actor: String, on connection: PostgresConnection
    )
        async throws -> Bool
    {
        guard weight > 1 else {
            return try await connection.execute(
                within: limits.statement,
                "delete from multiconnect.tenant_weights where organization_id = \(organization)") == 1
        }
        return try await connection.execute(
            within: limits.statement,
            """
            insert into multiconnect.tenant_weights as w (organization_id, weight, actor)
            values (\(organization), \(weight)::int, \(ActivityStore.stored(actor)))
            on conflict (organization_id) do update
            set weight = excluded.weight, actor = excluded.actor, created_at = now()
            where w.weight <> excluded.weight
            """) == 1
    }

    /// The tenants with a weight above 1, the heaviest first.
    package func list(on connection: PostgresConnection) async throws -> [TenantWeight] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select organization_id, weight::int as weight, actor, created_at
            from multiconnect.tenant_weights order by weight desc, organization_id
            """)
        return try rows.map { row in
            TenantWeight(
                organizationID: try row["organization_id"], weight: try row["weight"],
                actor: try row["actor"], createdAt: try row["created_at"])
        }
    }
}
