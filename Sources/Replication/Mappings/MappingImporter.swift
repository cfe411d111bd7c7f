internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Runs `MappingImportJob`: adds the mappings of a file to a tenant, and changes the existing ones.
///
/// New mappings are imported by jobs of their own. Tables of changed mappings keep all rows: new columns are
/// added and filled, columns that are not mapped any more keep their values. Mappings that the file does not
/// name stay.
struct MappingImporter: Sendable {
    let services: ReplicationServices
    private let store = MappingImportStore()

    init(_ services: ReplicationServices) {
        self.services = services
    }

    /// Applies the file. Steps that were made before change nothing. Throws `.givenUp` if another start
    /// would not help.
    func run(_ id: UUID, _ job: JobContext) async throws -> JobOutcome {
        let found = try await services.control.withConnection { connection in
            guard let record = try await store.record(id, on: connection), let file = record.file else {
                return (MappingFile, Tenant, String)?.none
            }
            let organization = try await OrganizationStore(on: connection).get(id: record.organizationID)
            return (file, Tenant(organization), record.requestedBy)
        }
        guard let (file, tenant, actor) = found else { return .done }
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over:
            try await finish(id, tenant, error: tenant.refusal.message)
            throw tenant.refusal
        }
        do {
            try await apply(file, id, tenant, actor, job)
        } catch {
            let failed = FailedStart(error, failures: job.failures)
            return try await failed.outcome { reason in
                do {
                    if failed.decision == .giveUp { return try await finish(id, tenant, error: reason) }
                    try await services.control.withConnection {
                        try await store.noteError(reason, of: id, on: $0)
                    }
                } catch {
                    services.logger.debug("could not record error", metadata: ["error": "\(error)"])
                }
            }
        }
        try await finish(id, tenant, error: nil)
        return .done
    }

    private func finish(_ id: UUID, _ tenant: Tenant, error: String?) async throws {
        try await services.control.transaction { connection in
            try await store.finish(id, error: error, on: connection)
            try await ConnectionStore(on: connection).move(tenant.id, from: .importConfiguration, to: .idle)
        }
    }

    private func apply(
        _ file: MappingFile, _ id: UUID, _ tenant: Tenant, _ actor: String, _ job: JobContext
    ) async throws {
        try await job.confirmClaim()
        let mappings = try await services.control.transaction { connection in
            try await store.begin(id, on: connection)
            // A paused connection stays paused.
            try await ConnectionStore(on: connection).move(tenant.id, from: .idle, to: .importConfiguration)
            return try await MappingStore().mappings(of: tenant.connectionID, on: connection)
        }
        if let step = try await applyFeatures(of: file, tenant, actor) {
            try await services.control.withConnection { try await store.add(step, to: id, on: $0) }
        }
        let known = Dictionary(mappings.map { ($0.objectName, $0.configuration) }) { first, _ in first }
        // Imports of commands have no second argument.
        let bases = (try? job.argument(1, as: [String: String].self)) ?? [:]
        for change in MappingChange.changes(from: known, to: file) {
            try job.checkClaim()
            let name = change.entry.objectName.lowercased()
            let mapping = mappings.first { $0.objectName.lowercased() == name }
            let step: MappingImportStore.Step
            do {
                try Self.check(change, bases[name], mapping)
                step = try await apply(change, to: mapping, among: mappings, tenant, actor, job)
            } catch  where FaultVerdict(error) == .permanent {
                // The other mappings of the file are applied.
                step = .init(
                    object: change.entry.objectName, action: "failed", detail: FaultReason.text(error))
            }
            try await services.control.withConnection { try await store.add(step, to: id, on: $0) }
        }
    }

    /// Throws if the settings do not fit each other, or the mapping is not the one that the change is based
    /// on.
    private static func check(_ change: MappingChange, _ base: String?, _ mapping: Mapping?) throws {
        if let problem = change.entry.configuration.identifierProblem(replacing: mapping?.configuration) {
            throw ReplicationError(.invalidSettings, problem)
        }
        // An earlier start of this job may have made the change.
        guard let base, change.kind != .unchanged, base != mapping?.configuration.version ?? "" else {
            return
        }
        throw ReplicationError(
            .outdatedMapping, "another change of \(change.entry.objectName) came first: edit it again")
    }

    /// Sets the settings of the connection that the file names. Nil if it names none.
    private func applyFeatures(
        of file: MappingFile, _ tenant: Tenant, _ actor: String
    ) async throws -> MappingImportStore.Step? {
        guard let features = file.features else { return nil }
        return try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            let store = ConnectionStore(on: connection)
            var settings = try await store.settings(of: tenant.id)
            let report = settings.apply(features: features)
            if !report.changes.isEmpty {
                try await store.set(settings, of: tenant.id)
                try await ActivityStore(on: connection).add(
                    "settings_changed", by: actor, organization: tenant.id,
                    detail: report.changes.joined(separator: ", "))
            }
            return .connection(report)
        }
    }

    private func apply(
        _ change: MappingChange, to mapping: Mapping?, among all: [Mapping], _ tenant: Tenant,
        _ actor: String, _ job: JobContext
    ) async throws -> MappingImportStore.Step {
        let object = change.entry.objectName
        guard var mapping else {
            let forecast = try await forecast(of: change, among: all, tenant)
            try await add(change.entry, tenant, actor, job)
            return forecast
        }
        let former = mapping.configuration
        mapping.configuration = change.entry.configuration
        guard mapping.isImported else {
            guard change.kind == .changed else {
                return .init(object: object, action: "unchanged", detail: "")
            }
            try await services.control.transaction { connection in
                _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
                try await note(change, mapping, actor, on: connection)
                try await TenantStatus.reopen(mapping.id, of: tenant.id, on: connection)
                _ = try await job.enqueue(ImportJob.job(for: mapping), on: connection)
            }
            return .init(object: object, action: "changed", detail: change.details.joined(separator: ", "))
        }
        let lines = try await alter(change, mapping, replacing: former, tenant, actor, job)
        let isChanged = change.kind == .changed || !lines.isEmpty
        return .init(
            object: object, action: isChanged ? "changed" : "unchanged",
            detail: (change.details + lines).joined(separator: ", "))
    }

    /// The step of a new mapping: whether its import can begin, and the parts that it leaves out. If org or
    /// cell do not answer, the import finds it out.
    private func forecast(
        of change: MappingChange, among all: [Mapping], _ tenant: Tenant
    ) async throws -> MappingImportStore.Step {
        let object = change.entry.objectName
        var effects: [MappingPlan.Effect] = []
        do {
            let preview = MappingPreview(
                tenant: tenant, cell: try services.cell(of: tenant),
                rest: services.sessions.rest(for: tenant.id, CallPurpose(.describe, object)),
                resolver: services.settings.resolver)
            effects = try await preview.plan(change, among: all).effects
        } catch let error as CancellationError {
            throw error
        } catch {
            services.logger.debug("could not plan new mapping", metadata: ["error": "\(error)"])
        }
        let texts = { (kind: MappingPlan.Effect.Kind) in effects.filter { $0.kind == kind }.map(\.text) }
        if let reason = texts(.refuses).first {
            return .init(
                object: object, action: MappingImportStore.Step.unusable,
                detail: "the mapping is added, but its rows cannot be imported: \(reason)")
        }
        return .init(
            object: object, action: "added",
            detail: (["the import of its rows begins"] + texts(.warns)).joined(separator: "; "))
    }

    private func add(
        _ entry: MappingFile.Entry, _ tenant: Tenant, _ actor: String, _ job: JobContext
    ) async throws {
        try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            let all = try await MappingStore().add(
                MappingFile(mappings: [entry]), to: tenant.connectionID, on: connection)
            guard
                let mapping = all.first(where: { $0.objectName.lowercased() == entry.objectName.lowercased() }
                )
            else { return }
            try await ActivityStore(on: connection).add(
                "mapping_added", by: actor, organization: tenant.id, detail: entry.objectName)
            try await TenantStatus.restart(tenant.id, as: .importing, from: [.live, .failed], on: connection)
            _ = try await job.enqueue(ImportJob.job(for: mapping), on: connection)
        }
    }

    /// Stores the new settings.
    private func note(
        _ change: MappingChange, _ mapping: Mapping, _ actor: String, on connection: PostgresConnection
    ) async throws {
        try await MappingStore().setConfiguration(mapping.configuration, of: mapping.id, on: connection)
        guard change.kind == .changed else { return }
        try await ActivityStore(on: connection).add(
            "mapping_changed", by: actor, organization: mapping.organizationID,
            detail: String(
                "\(mapping.objectName): \(change.details.joined(separator: ", "))".prefix(
                    ReplicationLimits.reasonCharacters)))
    }

    /// Brings the table of an imported mapping to its settings. Returns what changed in the table.
    ///
    /// Also for unchanged settings: an earlier start can have ended after it stored them.
    private func alter(
        _ change: MappingChange, _ mapping: Mapping, replacing former: MappingConfiguration,
        _ tenant: Tenant, _ actor: String, _ job: JobContext
    ) async throws -> [String] {
        let rest = services.sessions.rest(for: tenant.id, CallPurpose(.describe, mapping.objectName))
        let cell = try services.cell(of: tenant)
        let catalog = SyncedTableCatalog(services)
        let stored = try await cell.withCellConnection {
            try await SyncedTableStore().table(of: mapping, on: $0)
        }
        var table = stored
        if table == nil {
            table = try await catalog.plan(mapping, tenant)
            if let table {
                try await cell.withCellConnection { try await SyncedTableStore().save(table, on: $0) }
            }
        }
        let found = try await ObjectLookup(rest: rest, resolver: services.settings.resolver).plan(mapping)
        guard let table, found.isUsable, let fresh = found.plan else {
            throw ReplicationError(
                .notFound, found.problems.first?.message ?? "the org has no object \(mapping.objectName)")
        }
        let wrong = mapping.configuration.refused(found.problems, replacing: former)
        if let identifier = wrong.first(where: { $0.kind == .unsuitableIdentifier }) {
            throw ReplicationError(.invalidSettings, "upsert_field: \(identifier.message)")
        }
        if let filter = fresh.filter, filter != table.plan.filter {
            try await FilterCheck(rest: rest).check(filter, of: fresh.objectName)
        }
        try await job.confirmClaim()
        try await services.control.transaction { try await note(change, mapping, actor, on: $0) }
        let alteration = TableAlteration(
            cell: cell, tenant: tenant, resolver: services.settings.resolver,
            fence: { _ in try await job.confirmClaim() })
        let report = DriftReport(services: services, tenant: tenant, mapping: mapping)
        guard try await !alteration.drift(of: table, to: fresh).isEmpty else {
            try await services.control.withConnection {
                try await MappingStore().setProblems(fresh.problems, of: mapping.id, on: $0)
            }
            try await report.endInterrupted()
            return []
        }
        try await report.begin()
        let ddl = try await TenantDatabase(tenant: tenant, pool: cell).preflight()
        let altered = try await alteration.run(table, to: fresh, ddl)
        try await report.end(altered, by: actor)
        if altered.isPending {
            // The next regular check tries it again.
            try await cell.withCellConnection {
                try await DriftStore().notePending(mapping.id, of: tenant.id, on: $0)
            }
        }
        if altered.needsBackfill {
            try await services.control.transaction { connection in
                _ = try await job.enqueue(BackfillJob.job(for: mapping.id, of: tenant.id), on: connection)
            }
        }
        return altered.lines + fresh.problems.map(\.message)
    }
}
