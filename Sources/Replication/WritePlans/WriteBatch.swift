/// Entries of the log that are sent together: one table, one action, each record and each upsert key at most
/// once.
package struct WriteBatch: Sendable, Equatable {
    /// One row of a batch.
    package struct Item: Sendable, Equatable {
        /// The entry that is sent. In merged mode it has the values of all its entries.
        package var entry: LogEntry
        /// Ids of earlier entries of the row that are part of `entry`: they end as MERGED.
        package var merged: [Int]
        /// Other columns of the entry follow in a second request: until then the log keeps it as open.
        package var isPartial: Bool

        package init(_ entry: LogEntry, merged: [Int] = [], isPartial: Bool = false) {
            self.entry = entry
            self.merged = merged
            self.isPartial = isPartial
        }
    }

    package var table: String
    package var action: WriteAttempt.Action
    package var method: WriteAttempt.Method
    package var items: [Item]

    package init(
        table: String, action: WriteAttempt.Action, method: WriteAttempt.Method = .collection, items: [Item]
    ) {
        self.table = table
        self.action = action
        self.method = method
        self.items = items
    }
}
