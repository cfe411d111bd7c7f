package import FoundationEssentials
package import Postgres

/// Reads of a mapping that run at present, in the cell. While one runs, changes that are applied are
/// remembered in `recent_changes`.
package struct RunningReadStore: Sendable {
    /// A running read.
    package struct Read: Sendable, Equatable {
        package var id: UUID
        /// The cell's clock. The query must be sent later.
        package var startedAt: Date
    }

    package init() {}

    /// Begins a read of a mapping: call it, and commit, before the query is sent.
    package func begin(_ mappingID: UUID, on connection: PostgresConnection) async throws -> Read {
        let rows = try await connection.query(
            """
            insert into multiconnect_sync.running_reads (mapping_id) values (\(mappingID))
            returning id, started_at
            """)
        guard let row = rows.first else { throw ReplicationError(.notFound, "running read") }
        return Read(id: try row["id"], startedAt: try row["started_at"])
    }

    /// Keeps a read alive. False if it was not renewed for `ReplicationLimits.lostReadAge`: changes since
    /// then may be forgotten, so that its rows can no longer be ordered against them.
    @discardableResult
    package func renew(_ id: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect_sync.running_reads set renewed_at = clock_timestamp()
            where id = \(id) and renewed_at > clock_timestamp() - \(ReplicationLimits.lostReadAge)
            """) == 1
    }

    /// Ends a read after its last row is merged. Does nothing for a read that has ended.
    package func end(_ id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute("delete from multiconnect_sync.running_reads where id = \(id)")
    }

    /// Deletes lost reads. Returns how many.
    @discardableResult
    package func removeLost(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect_sync.running_reads
            where renewed_at < clock_timestamp() - \(ReplicationLimits.lostReadAge)
            """)
    }

    /// The clock of the cell.
    package func clock(on connection: PostgresConnection) async throws -> Date {
        try await connection.query("select clock_timestamp()").scalar()
    }

    /// Selects whether another read of the mapping than `own` runs. Rows that are merged meanwhile must be
    /// remembered, so that the other read does not overwrite them.
    func selectOthers(of mappingID: UUID, than own: UUID?) -> SQL {
        """
        select exists (
            select from multiconnect_sync.running_reads
            where mapping_id = \(mappingID) and id is distinct from \(own)::uuid
                and renewed_at > clock_timestamp() - \(ReplicationLimits.lostReadAge)) as others
        """
    }
}
