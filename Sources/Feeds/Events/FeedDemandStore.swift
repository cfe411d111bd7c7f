internal import FoundationEssentials
package import Postgres

/// Whose changes a cell records, and which.
package struct FeedDemandStore: Sendable {
    /// Stands for all tenants.
    static let everyTenant = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    package init() {}

    /// Makes the demands those of these receivers. Writes nothing if they are the same.
    package func set(_ filters: [FeedFilter], on connection: PostgresConnection) async throws {
        var wanted: Set<Pair> = []
        for filter in filters {
            for group in filter.groups where group.isOnDemand {
                wanted.insert(Pair(filter.organization ?? Self.everyTenant, group.rawValue))
            }
        }
        let rows = try await connection.query(
            "select organization_id, \"group\" from multiconnect_sync.feed_demands")
        let present = Set(try rows.map { Pair(try $0["organization_id"], try $0["group"]) })
        guard present != wanted else { return }
        let gone = Array(present.subtracting(wanted))
        let new = Array(wanted.subtracting(present))
        try await connection.execute(
            """
            delete from multiconnect_sync.feed_demands d
            using unnest(\(gone.map(\.organization))::uuid[], \(gone.map(\.group))::text[]) as g (id, name)
            where d.organization_id = g.id and d."group" = g.name
            """)
        try await connection.execute(
            """
            insert into multiconnect_sync.feed_demands (organization_id, "group")
            select * from unnest(\(new.map(\.organization))::uuid[], \(new.map(\.group))::text[])
            on conflict do nothing
            """)
    }

    private struct Pair: Hashable {
        var organization: UUID
        var group: String

        init(_ organization: UUID, _ group: String) {
            self.organization = organization
            self.group = group
        }
    }
}
