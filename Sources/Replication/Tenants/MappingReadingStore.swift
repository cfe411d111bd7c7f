internal import Encoding
package import FoundationEssentials
package import Postgres

/// How the changes of a tenant's mappings are read, from the tenant's cell.
package struct MappingReadingStore: Sendable {
    package init() {}

    /// By mapping. Mappings that are not imported are missing.
    package func readings(
        of organization: UUID, on connection: PostgresConnection
    ) async throws -> [UUID: MappingReading] {
        let feeds: String? = try await connection.query(
            """
            select feeds::text as feeds from multiconnect_sync.stream_states
            where organization_id = \(organization)
            """
        ).first?["feeds"]
        let known = try feeds.map { try JSONValue(parsing: Array($0.utf8)) }
        let rows = try await connection.query(
            """
            select p.mapping_id, p.polled_at, p.poll_error, p.reload_reason,
              (select count(*) from multiconnect_sync.rereads r where r.mapping_id = p.mapping_id) as rereads
            from multiconnect_sync.positions p where p.organization_id = \(organization)
            """)
        var readings: [UUID: MappingReading] = [:]
        for row in rows {
            let id: UUID = try row["mapping_id"]
            readings[id] = MappingReading(
                feed: known?[id.uuidString.lowercased()]?.string, polledAt: try row["polled_at"],
                pollError: try row["poll_error"], reloadReason: try row["reload_reason"],
                rereads: try row["rereads"])
        }
        return readings
    }
}
