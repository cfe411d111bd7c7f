internal import FoundationEssentials
package import Postgres

/// Reads the events of all databases.
package struct FeedReader: Sendable {
    /// Events of all sources, and the cursor behind them.
    package struct Batch: Sendable {
        package var events: [FeedEvent]
        package var cursor: FeedCursor
        /// Sources whose events were pruned before they were read.
        package var gaps: [String]
        /// Sources that did not answer, with the error. Their positions stay.
        package var failures: [(source: String, error: any Error)]
    }

    private let control: PostgresPool
    private let cells: [String: PostgresPool]

    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    private func sources(_ filter: FeedFilter) -> [(FeedEventStore, PostgresPool)] {
        let isControlWanted = filter.groups.contains { !$0.isOnDemand }
        let isCellWanted = filter.groups.contains(where: \.isOnDemand)
        return (isControlWanted ? [(.control, control)] : [])
            + (isCellWanted ? cells.sorted { $0.key < $1.key }.map { (.cell($0.key), $0.value) } : [])
    }

    /// The events after a cursor, at most `limit`.
    package func read(after cursor: FeedCursor, _ filter: FeedFilter, limit: Int) async -> Batch {
        var batch = Batch(events: [], cursor: cursor, gaps: [], failures: [])
        for (store, pool) in sources(filter) where batch.events.count < limit {
            do {
                let page = try await pool.withConnection { connection in
                    try await store.read(
                        after: cursor.positions[store.source] ?? .start, filter,
                        limit: limit - batch.events.count, on: connection)
                }
                batch.events += page.events
                batch.cursor.positions[store.source] = page.next
                if page.hasGap { batch.gaps.append(store.source) }
            } catch {
                batch.failures.append((store.source, error))
            }
        }
        return batch
    }

    /// The cursor behind all present events. A cell that does not answer has no position in it.
    package func end() async throws -> FeedCursor {
        var cursor = FeedCursor()
        cursor.positions[FeedEventStore.control.source] = try await control.withConnection {
            try await FeedEventStore.control.end(on: $0)
        }
        for (name, pool) in cells {
            let store = FeedEventStore.cell(name)
            cursor.positions[store.source] = try? await pool.withConnection { try await store.end(on: $0) }
        }
        return cursor
    }
}
