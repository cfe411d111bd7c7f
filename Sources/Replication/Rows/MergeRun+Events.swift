internal import Feeds
internal import Postgres

// The events of changed rows.
extension MergeRun {
    /// Reads which columns the writes change. A change can carry values that its row has already, for example
    /// the application's own.
    mutating func readDifferences(_ writes: [MergeStore.RowWrite]) async throws {
        let updates = writes.filter { $0.kind == .update && $0.id != nil && !$0.cells.isEmpty }
        guard !updates.isEmpty else { return }
        do {
            let found = try await connection.transaction {
                try await $0.query(store.selectDifferences(updates))
            }
            for row in found { differences[try row["id"]] = Set(try row["columns"] as [String]) }
        } catch let error as PostgresError where error.isRefusal {
            // A value does not fit: the events name all columns of their changes.
        }
    }

    /// Inserts the events of the changed rows. Nil if there are none, or nobody wants them.
    func events(_ writes: [MergeStore.RowWrite], _ outcome: RowWriter.Outcome) -> SQL? {
        guard isFed else { return nil }
        let events = writes.filter { outcome.changed.contains($0.sfid) }.compactMap { write in
            let id = write.id ?? outcome.inserted[write.sfid]
            switch write.kind {
            case .delete: return RowEvent(.deleted, id: id, sfid: write.sfid, columns: [])
            case .insert: return RowEvent(.created, id: id, sfid: write.sfid, columns: Self.names(write))
            case .update:
                var columns = Self.names(write)
                if let changed = id.flatMap({ differences[$0] }) {
                    columns.removeAll { !changed.contains($0) }
                }
                guard !RowEventStore.silentColumns.isSuperset(of: columns) else { return nil }
                return RowEvent(.updated, id: id, sfid: write.sfid, columns: columns)
            }
        }
        return events.isEmpty ? nil : RowEventStore(merger.table).insert(events)
    }

    private static func names(_ write: MergeStore.RowWrite) -> [String] {
        write.cells.keys.filter { $0 != "sfid" }
    }
}
