package import FoundationEssentials
package import Postgres

/// Records that the tenant's lease holder reads again by id, in the cell.
package struct RereadStore: Sendable {
    /// Records of one mapping that are due.
    package struct Batch: Sendable, Equatable {
        package var mappingID: UUID
        package var records: [Record]

        package var sfids: [String] { records.map(\.sfid) }
    }

    /// A record of a batch.
    package struct Record: Sendable, Equatable {
        package var sfid: String
        /// Nil for a reason of a later version.
        package var reason: RereadReason?
        package var attempts: Int
        /// When it was last requested, on the cell's clock.
        package var requestedAt: Date
    }

    package init() {}

    /// Adds records, or requests them again.
    ///
    /// - Parameter pause: the time until they are due. A record that is due earlier stays due then, unless
    ///   the database refused it, or an open insert may have created it: each time doubles its pause.
    package func add(
        _ sfids: [String], of mapping: Mapping, because reason: RereadReason, after pause: Duration = .zero,
        on connection: PostgresConnection
    ) async throws {
        guard !sfids.isEmpty else { return }
        try await connection.execute(insert(sfids, of: mapping, because: reason, after: pause))
    }

    /// Adds records of a mapping that is known by its id.
    package func add(
        _ sfids: [String], of mapping: UUID, _ organization: UUID, because reason: RereadReason,
        on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.rereads as r (mapping_id, sfid, organization_id, reason)
            select \(mapping)::uuid, sfid, \(organization)::uuid, \(reason.rawValue)::text
            from unnest(\(sfids)::text[]) as c (sfid) group by sfid
            on conflict (mapping_id, sfid) do update set requested_at = clock_timestamp(),
                due_at = least(r.due_at, excluded.due_at)
            """)
    }

    /// The statement of `add`.
    func insert(
        _ sfids: [String], of mapping: Mapping, because reason: RereadReason, after pause: Duration
    ) -> SQL {
        let sfids = Set(sfids).sorted()
        let grows = reason.pauseGrows
        let longest =
            reason == .ownInsert
            ? ReplicationLimits.longestOwnInsertPause : ReplicationLimits.longestRereadPause
        return """
            insert into multiconnect_sync.rereads as r
                (mapping_id, sfid, organization_id, reason, due_at, attempts)
            select \(mapping.id)::uuid, sfid, \(mapping.organizationID)::uuid, \(reason.rawValue)::text,
                clock_timestamp() + \(pause), \(grows ? 1 : 0)::int
            from unnest(\(sfids)::text[]) as c (sfid)
            on conflict (mapping_id, sfid) do update set
                reason = excluded.reason, requested_at = clock_timestamp(),
                attempts = r.attempts + excluded.attempts,
                due_at = case when \(grows)::boolean
                    then clock_timestamp() + least(
                        \(pause) * power(2, least(r.attempts, 20)), \(longest))
                    else least(r.due_at, excluded.due_at) end
            """
    }

    /// The oldest due records of one mapping of an organization. Nil if none is due.
    package func due(
        of organizationID: UUID, limit: Int = ReplicationLimits.rereadBatch, on connection: PostgresConnection
    ) async throws -> Batch? {
        let rows = try await connection.query(
            """
            select mapping_id, sfid, reason, attempts, requested_at from multiconnect_sync.rereads
            where organization_id = \(organizationID) and due_at <= clock_timestamp() and mapping_id = (
                select mapping_id from multiconnect_sync.rereads
                where organization_id = \(organizationID) and due_at <= clock_timestamp()
                order by due_at limit 1)
            order by due_at limit \(limit)
            """)
        guard let first = rows.first else { return nil }
        return Batch(
            mappingID: try first["mapping_id"],
            records: try rows.map { row in
                let reason: String = try row["reason"]
                return Record(
                    sfid: try row["sfid"], reason: RereadReason(rawValue: reason),
                    attempts: try row["attempts"], requestedAt: try row["requested_at"])
            })
    }

    /// When the next record of an organization is due. Nil if there is none.
    package func nextDue(of organizationID: UUID, on connection: PostgresConnection) async throws -> Date? {
        try await connection.query(
            "select min(due_at) from multiconnect_sync.rereads where organization_id = \(organizationID)"
        ).scalar()
    }

    /// Removes records that were read by a query that was sent after `startedAt`, in the transaction that
    /// merges them. Records that were requested since then stay.
    package func done(
        _ sfids: [String], of mappingID: UUID, startedAt: Date, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            delete from multiconnect_sync.rereads
            where mapping_id = \(mappingID) and sfid = any (\(sfids)::text[]) and requested_at <= \(startedAt)
            """)
    }

    /// Makes records due later, because they could not be read.
    package func postpone(
        _ sfids: [String], of mappingID: UUID, by pause: Duration, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.rereads set attempts = attempts + 1,
                due_at = clock_timestamp() + \(pause)
            where mapping_id = \(mappingID) and sfid = any (\(sfids)::text[])
            """)
    }
}
