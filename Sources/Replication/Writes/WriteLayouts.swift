internal import FoundationEssentials
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

/// The layouts of a session's tables, made from the org's describes on first use.
final class WriteLayouts: Sendable {
    private struct Entry {
        var layout: WriteLayout
        var madeAt: ContinuousClock.Instant
    }

    private let context: WriteContext
    private let entries = Mutex<[String: Entry]>([:])
    /// One describe of a table at a time: the other batches of the table wait for it.
    private let gate = AsyncSemaphore(limit: 1)

    init(_ context: WriteContext) {
        self.context = context
    }

    func layout(of table: SyncedTable) async throws -> WriteLayout {
        let name = table.plan.table
        if let known = known(name) { return known }
        return try await gate.withPermit {
            if let known = known(name) { return known }
            let rest = context.rest(table.plan.objectName)
            let describe = try await rest.describe(table.plan.objectName)
            // Only with their describes it is known which kind of parent has the External ID field.
            let parents = Set(
                table.plan.columns.compactMap(\.parent).filter { $0.objects.count > 1 }
                    .flatMap(\.objects))
            var describes: [String: ObjectDescribe] = [:]
            for name in parents.sorted() { describes[name] = try? await rest.describe(name) }
            let layout = WriteLayout(
                table, describe, resolver: context.services.replication.settings.resolver,
                parents: describes)
            entries.withLock { $0[name] = Entry(layout: layout, madeAt: .now) }
            return layout
        }
    }

    private func known(_ name: String) -> WriteLayout? {
        entries.withLock { entries in
            guard let entry = entries[name], entry.madeAt + ReplicationLimits.layoutAge > .now else {
                return nil
            }
            return entry.layout
        }
    }

    /// The object is described again before the next write. Nil: all objects.
    func forget(_ table: String?) {
        entries.withLock { entries in
            if let table { entries[table] = nil } else { entries = [:] }
        }
    }
}
