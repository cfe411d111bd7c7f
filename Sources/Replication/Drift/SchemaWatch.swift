internal import Encoding
package import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Compares the schema of a tenant's org with the tenant's tables, and brings the tables up to date.
///
/// The tenant's lease holder calls `check` regularly and after errors that a changed schema can cause.
package struct SchemaWatch: Sendable {
    /// Why the schema is checked.
    package enum Occasion: Sendable, Equatable {
        /// The regular check: at most one every `ReplicationLimits.schemaCheckInterval` calls the org.
        case scheduled
        /// `INVALID_FIELD`, `INVALID_TYPE` or a new event schema. Nil: all mapped objects; else the mappings
        /// to check.
        case urgent(Set<UUID>?)
    }

    /// The result of a check.
    package struct Result: Sendable, Equatable {
        /// All tables, with their present plans.
        package var tables: [SyncedTable]
        /// The mappings whose table was changed.
        package var changed: Set<UUID> = []
        /// The mappings whose object is gone, or may not be read. They are in error: do not read them.
        package var gone: Set<UUID> = []
        /// False if the last check was a short time ago.
        package var isChecked = false
    }

    private let services: ReplicationServices
    private let queue: JobQueue
    private let store = DriftStore()

    package init(_ services: ReplicationServices, queue: JobQueue) {
        self.services = services
        self.queue = queue
    }

    /// Checks the schema if it is time, and alters the tables in transactions that call `fence` first.
    ///
    /// Throws the errors of Salesforce and Postgres. An object that cannot be described now is checked again
    /// next time.
    ///
    /// - Parameters:
    ///   - tables: the tenant's imported tables.
    ///   - now: our clock.
    package func check(
        _ tenant: Tenant, _ tables: [SyncedTable], _ occasion: Occasion = .scheduled,
        fence: @escaping WriteFence, now: Date = Date()
    ) async throws -> Result {
        var result = Result(tables: tables)
        let cell = try services.cell(of: tenant)
        let last = try await cell.withCellConnection { try await store.lastCheck(of: tenant.id, on: $0) }
        var pending = last?.pending ?? []
        // Nil: all mappings.
        var chosen: Set<UUID>?
        var isPartial = false
        if case .urgent(let mappings?) = occasion { (chosen, isPartial) = (mappings, true) }
        let step = SchemaCheckRule.step(
            occasion == .scheduled ? .scheduled : .urgent, checkedAt: last?.checkedAt,
            urgentAt: last?.urgentAt,
            now: now)
        switch step {
        case .nothing: return result
        case .describe: break
        case .ask(let since):
            let rest = services.sessions.rest(for: tenant.id, CallPurpose(.describe))
            let date = InternetDate.http(secondsSince1970: Int(since.timeIntervalSince1970.rounded(.down)))
            if case .no = try await rest.objects(since: date) { chosen = pending }
        }
        result.isChecked = true
        let alteration = TableAlteration(
            cell: cell, tenant: tenant, resolver: services.settings.resolver, fence: fence)
        let mappings = try await services.control.withConnection {
            try await MappingStore().mappings(of: tenant.connectionID, on: $0)
        }
        for index in tables.indices {
            // An older mapping would undo a change that was imported meanwhile.
            guard let mapping = mappings.first(where: { $0.id == tables[index].mapping.id }) else { continue }
            result.tables[index].mapping = mapping
            let id = tables[index].mapping.id
            guard chosen?.contains(id) ?? true else { continue }
            pending.remove(id)
            if try await check(index, tenant, alteration, &result) { pending.insert(id) }
        }
        pending.formIntersection(tables.map(\.mapping.id))
        // A check of some objects says nothing about the others.
        let check = DriftStore.Check(
            checkedAt: isPartial ? last?.checkedAt : now, urgentAt: isPartial ? now : last?.urgentAt,
            pending: pending)
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await fence(connection)
            try await store.save(check, of: tenant.id, on: connection)
        }
        try await enqueueBackfills(of: tenant, cell)
        return result
    }

    /// Checks one table. True if a change could not be made now.
    private func check(
        _ index: Int, _ tenant: Tenant, _ alteration: TableAlteration, _ result: inout Result
    ) async throws -> Bool {
        let table = result.tables[index]
        let mapping = table.mapping
        let rest = services.sessions.rest(for: tenant.id, CallPurpose(.describe, mapping.objectName))
        let found: ObjectLookup.Result
        do {
            found = try await ObjectLookup(rest: rest, resolver: services.settings.resolver).plan(mapping)
        } catch let error as SalesforceError
            where FaultVerdict(error) != .transient && error.code != .requestLimit
        {
            // Only this object cannot be described.
            services.logger.notice(
                "could not describe object",
                metadata: ["object": "\(mapping.objectName)", "error": "\(error)"])
            return true
        }
        let report = DriftReport(services: services, tenant: tenant, mapping: mapping)
        guard found.isUsable, let fresh = found.plan else {
            result.gone.insert(mapping.id)
            try await report.noteGone(found.problems)
            // Its return shows as a change of the schema.
            return false
        }
        if mapping.state == .error {
            try await resume(mapping, alteration, report)
            // Its changes are read again only after the session has loaded its tables.
            result.changed.insert(mapping.id)
        }
        let drift = try await alteration.drift(of: table, to: fresh)
        guard !drift.isEmpty else {
            try await report.endInterrupted()
            return false
        }
        try await report.begin()
        let ddl = try await TenantDatabase(tenant: tenant, pool: alteration.cell).preflight()
        let altered = try await alteration.run(table, to: fresh, ddl)
        result.tables[index] = altered.table
        if !altered.isEmpty { result.changed.insert(mapping.id) }
        try await report.end(altered)
        return altered.isPending
    }

    /// The object is back: changes were missed, so all rows are read again.
    private func resume(
        _ mapping: Mapping, _ alteration: TableAlteration, _ report: DriftReport
    ) async throws {
        try await alteration.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            try await alteration.fence(connection)
            try await store.requestReload(of: mapping.id, because: "object_back", on: connection)
        }
        try await report.noteBack()
    }

    /// Enqueues the jobs that fill columns. Again at each check, because a job can be lost between two
    /// databases.
    private func enqueueBackfills(of tenant: Tenant, _ cell: PostgresPool) async throws {
        let mappings = try await cell.withCellConnection {
            try await store.mappingsToFill(of: tenant.id, on: $0)
        }
        for id in mappings { _ = try await queue.enqueue(BackfillJob.job(for: id, of: tenant.id)) }
    }
}
