internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// The tenants that workers should hold, in the control database.
struct TenantListStore: Sendable {
    /// The channel that announces tenants whose status, cell or mappings changed. The payload is the
    /// organization's id. Triggers of the control database send it.
    static let channel = "multiconnect_tenants"

    /// A tenant that a worker should hold.
    struct Entry: Sendable, Equatable {
        var id: UUID
        var cell: String
        var schema: String
        /// The share of a worker that the tenant takes: 1, and more for many rows.
        var weight: Int
    }

    let limits: LeaseLimits

    /// Has the lease holder read the tenant's tables and subscriptions again.
    static func announce(_ organization: UUID, on connection: PostgresConnection) async throws {
        let id = organization.uuidString.lowercased()
        _ = try await connection.query("select pg_notify(\(channel), \(id))")
    }

    /// The statuses of tenants whose changes are read.
    private static let statuses: [OrganizationStatus] = [.importing, .live]

    /// - Parameter ids: only these tenants; nil: all.
    func list(_ ids: Set<UUID>? = nil, on connection: PostgresConnection) async throws -> [Entry] {
        let condition: SQL = ids.map { "and o.id = any (\(Array($0)))" } ?? ""
        return try await connection.query(
            """
            select o.id, o.cell, o.schema_name, least(\(limits.largestWeight)::bigint,
                1 + coalesce(sum(m.db_count), 0) / \(limits.weightRows)::bigint)::int as weight
            from multiconnect.organizations o
            join multiconnect.connections c on c.organization_id = o.id
            left join multiconnect.mappings m on m.connection_id = c.id
            where o.status = any (\(Self.statuses.map(\.rawValue))) \(condition)
            group by o.id
            """, deadline: .now + limits.statement
        ).map {
            Entry(
                id: try $0["id"], cell: try $0["cell"], schema: try $0["schema_name"],
                weight: try $0["weight"])
        }
    }
}
