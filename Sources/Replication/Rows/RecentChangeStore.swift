package import FoundationEssentials
package import Postgres

/// The last applied change of each record, in the cell.
package struct RecentChangeStore: Sendable {
    package init() {}

    /// Selects the entries of these records, for `change(_:)`.
    func select(_ sfids: [String], of mappingID: UUID) -> SQL {
        // One index lookup per record. With `sfid = any (...)` a plan can compare every entry of the mapping
        // with every record.
        """
        select r.sfid, r.stamp, r.is_deletion, r.applied_at from unnest(\(sfids)::text[]) as c (sfid),
          lateral (select * from multiconnect_sync.recent_changes e
            where e.mapping_id = \(mappingID) and e.sfid = c.sfid limit 1) r
        """
    }

    /// The entry in a row of `select`.
    static func change(_ row: Row) throws -> RecentChange {
        RecentChange(
            stamp: try row["stamp"], isDeletion: try row["is_deletion"], appliedAt: try row["applied_at"])
    }

    /// Replaces the entries of these records. The arrays have the same length.
    func remember(
        _ sfids: [String], stamps: [Date], isDeletion: [Bool], of mappingID: UUID
    ) -> SQL {
        // In the order of the key, so that two transactions never wait for each other.
        """
        insert into multiconnect_sync.recent_changes (mapping_id, sfid, stamp, is_deletion)
        select \(mappingID)::uuid, sfid, stamp, is_deletion
        from unnest(\(sfids)::text[], \(stamps)::timestamptz[], \(isDeletion)::boolean[])
            as c (sfid, stamp, is_deletion)
        order by sfid
        on conflict (mapping_id, sfid) do update
        set stamp = excluded.stamp, is_deletion = excluded.is_deletion, applied_at = excluded.applied_at
        """
    }

    /// Whether changes of an organization are remembered.
    func hasEntries(of organizationID: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select exists (
                select from multiconnect_sync.positions p
                join multiconnect_sync.recent_changes c on c.mapping_id = p.mapping_id
                where p.organization_id = \(organizationID))
            """
        ).scalar()
    }

    /// Deletes entries of an organization that no running read can be older than. Returns how many.
    ///
    /// An entry goes when it is older than `ReplicationLimits.recentChangeAge` and than the oldest running
    /// read of its mapping.
    @discardableResult
    package func prune(of organizationID: UUID, on connection: PostgresConnection) async throws -> Int {
        try await RunningReadStore().removeLost(on: connection)
        return try await connection.execute(
            """
            with bounds as (
                select t.mapping_id, least(
                    clock_timestamp() - \(ReplicationLimits.recentChangeAge), (
                        select min(r.started_at) from multiconnect_sync.running_reads r
                        where r.mapping_id = t.mapping_id
                            and r.renewed_at > clock_timestamp() - \(ReplicationLimits.lostReadAge))) as bound
                from multiconnect_sync.positions t where t.organization_id = \(organizationID))
            delete from multiconnect_sync.recent_changes c using bounds b
            where c.mapping_id = b.mapping_id and c.applied_at < b.bound
            """)
    }
}
