package import FoundationEssentials
package import Postgres
package import Salesforce

/// Tenants' use of their API quota, by the hour.
package struct UsageStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Records the last reported use. A late report never lowers the figure of its hour. An unknown
    /// organization is no error: it may have been deleted since.
    package func record(_ usage: LimitInfo, of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.api_usage (organization_id, hour, used, allowed)
            select id, date_trunc('hour', now()), \(usage.used)::bigint, \(usage.allowed)::bigint
            from multiconnect.organizations where id = \(organization)
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

    /// Adds calls to this hour's counts. Calls of deleted organizations are dropped.
    func add(_ counts: [CallCount]) async throws {
        guard !counts.isEmpty else { return }
        // Processes that add to the same rows lock them in the same order.
        _ = try await connection.execute(
            """
            insert into multiconnect.api_calls (organization_id, hour, kind, object, calls)
            select o.id, date_trunc('hour', now()), c.kind, c.object, c.calls
            from unnest(
                \(counts.map(\.key.organization.uuidString))::text[],
                \(counts.map(\.key.purpose.kind.rawValue))::text[],
                \(counts.map { $0.key.purpose.object ?? "" })::text[],
                \(counts.map { String($0.calls) })::bigint[]
            ) as c (organization, kind, object, calls)
            join multiconnect.organizations as o on o.id = c.organization::uuid
            order by 1, 3, 4
            on conflict (organization_id, hour, kind, object) do update
            set calls = api_calls.calls + excluded.calls
            """)
    }

    /// The calls of an org since `age` ago, most first.
    package func calls(of organization: UUID, since age: Duration) async throws -> [CallCount] {
        let rows = try await connection.query(
            """
            select kind, object, sum(calls)::bigint as calls from multiconnect.api_calls
            where organization_id = \(organization) and hour > now() - \(age)
            group by kind, object order by 3 desc, 1, 2
            """)
        return try rows.compactMap { row in
            guard let kind = CallPurpose.Kind(rawValue: try row["kind"]) else { return nil }
            let object: String = try row["object"]
            return CallCount(
                key: CallCount.Key(
                    organization: organization, purpose: CallPurpose(kind, object.isEmpty ? nil : object)),
                calls: try row["calls"])
        }
    }
}
