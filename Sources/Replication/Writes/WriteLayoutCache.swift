internal import FoundationEssentials
internal import Reactor
internal import Synchronization
internal import TenantSchema

/// The layouts of the tables that one loop writes. A describe costs an API call, so sessions that follow each
/// other share them.
package final class WriteLayoutCache: Sendable {
    private struct Entry {
        var table: SyncedTable
        var layout: WriteLayout
        var madeAt: ContinuousClock.Instant
        var usedAt: ContinuousClock.Instant
    }

    private let entries = Mutex<[UUID: Entry]>([:])

    /// Nil if it is not known, too old, or made for another form of the table.
    func layout(of table: SyncedTable) -> WriteLayout? {
        let now = ContinuousClock.now
        return entries.withLock { entries in
            guard let entry = entries[table.mapping.id],
                entry.madeAt + ReplicationLimits.layoutAge > now, entry.table.hasForm(of: table)
            else { return nil }
            entries[table.mapping.id]?.usedAt = now
            return entry.layout
        }
    }

    func note(_ layout: WriteLayout, of table: SyncedTable) {
        let now = ContinuousClock.now
        entries.withLock { entries in
            if entries.count >= ReplicationLimits.keptLayouts, entries[table.mapping.id] == nil,
                let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt })
            {
                entries[oldest.key] = nil
            }
            entries[table.mapping.id] = Entry(table: table, layout: layout, madeAt: now, usedAt: now)
        }
    }

    /// The object is described again before its next write.
    func forget(_ mapping: UUID) {
        entries.withLock { $0[mapping] = nil }
    }

    /// The same for all objects of a tenant.
    func forgetAll(of organization: UUID) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.table.mapping.organizationID != organization }
        }
    }
}
