package import Postgres

/// Writes changes to one table by the merge rule.
package struct RowMerger: Sendable {
    /// The changes that were written, by kind.
    package struct Counts: Sendable, Equatable {
        package var written = 0
        package var deleted = 0
        /// Older than the row, or equal to it.
        package var unchanged = 0
        /// Records put into `rereads`.
        package var reread = 0
        /// Rows that the database refused; they are quarantined.
        package var refused = 0

        package init() {}
    }

    let table: SyncedTable

    package init(_ table: SyncedTable) {
        self.table = table
    }

    /// Merges changes in the caller's transaction, in which the caller has checked its right to write. Several changes of
    /// one record are applied in their order.
    package func merge(
        _ changes: [RecordChange], from source: ChangeSource, on connection: PostgresConnection
    ) async throws -> Counts {
        throw ReplicationError(.givenUp, "not built yet")
    }
}
