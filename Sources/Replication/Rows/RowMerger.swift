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

    /// Applies a difference of a large text to its old value. Nil if it does not belong to this value.
    package typealias DiffApplier = @Sendable (_ old: String, _ difference: String) -> String?

    let table: SyncedTable
    let siblings: [SyncedTable]
    let applyDiff: DiffApplier

    /// - Parameter siblings: the tenant's tables, from which columns by a parent's external id are filled.
    package init(
        _ table: SyncedTable, siblings: [SyncedTable] = [],
        applyDiff: @escaping DiffApplier = { _, _ in nil }
    ) {
        self.table = table
        self.siblings = siblings
        self.applyDiff = applyDiff
    }

    /// Merges changes in the caller's transaction, in which the caller has checked its right to write. Several changes of
    /// one record are applied in their order.
    package func merge(
        _ changes: [RecordChange], from source: ChangeSource, on connection: PostgresConnection
    ) async throws -> Counts {
        throw ReplicationError(.givenUp, "not built yet")
    }
}
