internal import FoundationEssentials
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// The layouts of a session's tables, made from the org's describes on first use.
final class WriteLayouts: Sendable {
    private let context: WriteContext
    /// One describe of a tenant at a time: the other batches of the table wait for it.
    private let gate = AsyncSemaphore(limit: 1)

    init(_ context: WriteContext) {
        self.context = context
    }

    private var cache: WriteLayoutCache { context.services.layouts }

    func layout(of table: SyncedTable) async throws -> WriteLayout {
        if let known = cache.layout(of: table) { return known }
        return try await gate.withPermit {
            if let known = cache.layout(of: table) { return known }
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
            cache.note(layout, of: table)
            return layout
        }
    }

    /// The object is described again before the next write.
    func forget(_ table: SyncedTable) {
        cache.forget(table.mapping.id)
    }
}
