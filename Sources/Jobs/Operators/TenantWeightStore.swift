import FoundationEssentials
import Postgres

/// The statements about tenants' weights.
struct TenantWeightStore: Sendable {
    let limits: JobsLimits

    /// Writes a tenant's weight; false when it has that already.
    func set(_ weight: Int, of organization: UUID, by actor: String, on connection: PostgresConnection)
        async throws -> Bool
    {
        guard weight > 1 else {
            return try await connection.execute(
                within: limits.call,
                "delete from multiconnect.tenant_weights where organization_id = \(organization)") == 1
        }
        return try await connection.execute(
            within: limits.call,
            """
            insert into multiconnect.tenant_weights as w (organization_id, weight, actor)
            values (\(organization), \(weight)::int, \(JobActivityStore.short(actor)))
            on conflict (organization_id) do update
            set weight = excluded.weight, actor = excluded.actor, created_at = now()
            where w.weight <> excluded.weight
            """) == 1
    }

    /// The tenants that have several jobs in a turn, the heaviest first.
    func list(on connection: PostgresConnection) async throws -> [TenantWeight] {
        let rows = try await connection.query(
            within: limits.call,
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
