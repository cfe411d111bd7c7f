internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// The cells and schemas of tenants.
struct TenantPlaceStore: Sendable {
    /// Where a tenant's tables are.
    struct Place: Sendable, Equatable {
        var id: UUID
        var schema: String
    }

    /// Those of the named tenants that are in the cell.
    func places(
        of ids: [UUID], in cell: String, on connection: PostgresConnection
    ) async throws -> [Place] {
        guard !ids.isEmpty else { return [] }
        return try await connection.query(
            """
            select id, schema_name from multiconnect.organizations
            where id = any (\(ids)::uuid[]) and cell = \(cell)
            """
        ).map(Self.place)
    }

    /// The tenants of a cell with one of the statuses, by id.
    ///
    /// - Parameter after: the last tenant of the batch before.
    func places(
        _ statuses: [OrganizationStatus], in cell: String, after last: UUID?, limit: Int,
        on connection: PostgresConnection
    ) async throws -> [Place] {
        try await connection.query(
            """
            select id, schema_name from multiconnect.organizations
            where status = any (\(statuses.map(\.rawValue))::text[]) and cell = \(cell)
                and (\(last)::uuid is null or id > \(last)::uuid)
            order by id limit \(limit)
            """
        ).map(Self.place)
    }

    private static func place(_ row: Row) throws -> Place {
        Place(id: try row["id"], schema: try row["schema_name"])
    }

    /// The schemas that have a log of users' changes. In their cell.
    func withLog(_ schemas: [String], on connection: PostgresConnection) async throws -> Set<String> {
        Set(
            try await connection.query(
                """
                select n.nspname from pg_catalog.pg_namespace as n
                join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = '_trigger_log'
                where n.nspname = any (\(schemas)::text[])
                """
            ).column(as: String.self))
    }
}
