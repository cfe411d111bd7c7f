package import FoundationEssentials
package import Postgres

/// The events of a tenant's records that wait for the outcome of an insert.
package struct HeldChanges: Sendable {
    private let tables: [SyncedTable]
    private let applyDiff: RowMerger.DiffApplier

    package init(
        _ tables: [SyncedTable], applyDiff: @escaping RowMerger.DiffApplier = { _, _ in nil }
    ) {
        self.tables = tables
        self.applyDiff = applyDiff
    }

    /// The mappings of an organization to call `release(of:on:)` for at the start of a lease.
    package static func mappings(
        of organizationID: UUID, on connection: PostgresConnection
    ) async throws -> [UUID] {
        try await HeldChangeStore().mappings(of: organizationID, on: connection)
    }

    /// Merges the events of a mapping whose insert has a known outcome, in the caller's transaction, in which
    /// the caller has checked its right to write. `isComplete` is false if it must be called again: one call
    /// applies the events of at most `ReplicationLimits.releasedRecords` records.
    ///
    /// Call it in a transaction that begins after the one that settled an attempt has committed. Then it also
    /// finds the events of a merge that ran meanwhile, because it waits for that merge.
    package func release(
        of mapping: UUID, on connection: PostgresConnection
    ) async throws -> (counts: RowMerger.Counts, isComplete: Bool) {
        guard let table = tables.first(where: { $0.mapping.id == mapping }) else {
            return (RowMerger.Counts(), true)
        }
        return try await RowMerger(table, siblings: tables, applyDiff: applyDiff).release(on: connection)
    }
}
