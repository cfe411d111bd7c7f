package import FoundationEssentials
package import Postgres

/// Merges pages of CSV of a read into one table.
package struct PageMerger: Sendable {
    /// A read whose pages are merged.
    package struct Read: Sendable {
        /// The row in `running_reads`, if it has one.
        package var id: UUID?
        /// The cell's clock before the query was sent.
        package var startedAt: Date
        /// The selected fields in order, as `Id` or `Account.Ext__c`. `Id` is one of them. Without SystemModstamp or
        /// with some of the table's fields only, the read is partial: it inserts no rows.
        package var sources: [String]

        package init(id: UUID?, startedAt: Date, sources: [String]) {
            self.id = id
            self.startedAt = startedAt
            self.sources = sources
        }
    }

    let table: SyncedTable
    let pool: PostgresPool

    package init(_ table: SyncedTable, pool: PostgresPool) {
        self.table = table
        self.pool = pool
    }

    /// Merges a page in transactions of at most `ReplicationLimits.mergeChunkRows` rows, each of which calls `fence` first.
    /// Rows with `IsDeleted` true are deleted. Merging a page again changes nothing.
    ///
    /// - Parameter rows: the number of rows of the page, if known. Throws `.incompletePage` for another number.
    package func merge(
        _ read: Read, rows: Int? = nil, fence: @escaping WriteFence,
        from source: () async throws -> [UInt8]?
    ) async throws -> RowMerger.Counts {
        throw ReplicationError(.givenUp, "not built yet")
    }
}
