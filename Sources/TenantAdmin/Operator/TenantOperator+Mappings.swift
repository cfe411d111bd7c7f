package import FoundationEssentials
import Jobs
import Logging
package import Organizations
import Postgres
import Reactor
package import Replication
package import Salesforce
package import TenantSchema

// The editor of mappings.
extension TenantOperator {
    package func mappingBook(of organization: Organization) async throws -> MappingBook {
        try await control.withConnection { try await book(of: organization, on: $0) }
    }

    private func book(
        of organization: Organization, on connection: PostgresConnection
    ) async throws -> MappingBook {
        MappingBook(
            organization: organization,
            mappings: try await MappingStore().mappings(of: organization.connectionID, on: connection),
            settings: try await ConnectionStore(on: connection).settings(of: organization.id))
    }

    /// The org's objects that can be queried, sorted by name.
    package func objects(of organization: Organization) async throws -> [String] {
        let found = try await withOrg(of: organization) { rest, _ in try await rest.objects(since: nil) }
        guard case .yes(let list, _) = found else { return [] }
        return list.objects.values.filter(\.isQueryable).map(\.name).sorted()
    }

    /// The object with its fields; nil if the org has none with this name.
    package func describe(_ object: String, of organization: Organization) async throws -> ObjectDescribe? {
        try await withOrg(of: organization) { rest, resolver in
            for name in resolver.candidates(object) {
                do {
                    return try await rest.describe(name)
                } catch let error as SalesforceError where [.notFound, .invalidType].contains(error.code) {
                    continue
                }
            }
            return nil
        }
    }

    /// The names that a mapping's name can have in an org.
    package func candidates(_ name: String) -> [String] { orgs?.resolver.candidates(name) ?? [name] }

    /// Plans the changes of a file. The first ones of a long file are planned with the org; the others show
    /// the changed settings only.
    package func plans(of file: MappingFile, in book: MappingBook) async throws -> [MappingPlan] {
        let changes = book.changes(to: file)
        let tenant = Tenant(book.organization)
        guard let cell = cells[tenant.cell] else {
            throw TenantAdminError(.unknownCell, "this process has no URL of the cell \(tenant.cell)")
        }
        let planned = changes.filter { $0.kind != .unchanged }.prefix(TenantAdminLimits.plannedMappings)
        let plans = try await withOrg(of: book.organization) { rest, resolver in
            let preview = MappingPreview(tenant: tenant, cell: cell, rest: rest, resolver: resolver)
            var plans: [String: MappingPlan] = [:]
            for change in planned {
                plans[change.entry.objectName] = try await preview.plan(change, among: book.mappings)
            }
            return plans
        }
        return changes.map { plans[$0.entry.objectName] ?? MappingPlan(change: $0, effects: []) }
    }

    /// The problems that are new with a mapping's settings. Empty if the org does not answer: then the worker
    /// notes them on the mapping.
    package func newProblems(
        of entry: MappingFile.Entry, in book: MappingBook
    ) async throws -> [MappingProblem] {
        let old = book.mapping(of: entry.objectName)?.configuration
        do {
            return try await withOrg(of: book.organization) { rest, resolver in
                try await MappingCheck(rest: rest, resolver: resolver).problems(of: entry, replacing: old)
            }
        } catch let error as TenantAdminError where [.silentOrg, .noConsent].contains(error.code) {
            return []
        }
    }

    /// Has a worker apply a file. Returns the id of the import.
    ///
    /// - Parameter bases: the versions of the mappings that the file is based on, by object in lower case. If
    ///   one of them has changed, nothing is applied: throws `.outdatedMapping`.
    package func apply(
        _ file: MappingFile, basedOn bases: [String: String], to organization: Organization, by actor: String
    ) async throws -> UUID {
        let (id, job) = try await control.transaction { connection in
            guard let locked = try await OrganizationStore(on: connection).lock(id: organization.id),
                Tenant(locked).work != .over
            else {
                throw TenantAdminError(
                    .noConsent, "the tenant has no consent, so no worker can change its mappings")
            }
            let outdated = try await book(of: locked, on: connection).outdated(file, bases)
            guard outdated.isEmpty else {
                throw TenantAdminError(
                    .outdatedMapping,
                    "nothing was applied: \(outdated.joined(separator: ", ")) has changed since the form "
                        + "was opened")
            }
            let id = try await MappingImportStore().add(file, to: locked.id, by: actor, on: connection)
            let job = MappingImportJob.job(for: id, of: locked.id, bases: bases)
            return (id, try await queue.enqueue(job, on: connection))
        }
        await queue.push([job])
        return id
    }

    /// The progress of an import; nil if the tenant has none with this id.
    package func mappingImport(
        _ id: UUID, of organization: Organization
    ) async throws -> MappingImportStore.Record? {
        let record = try await control.withConnection { try await MappingImportStore().record(id, on: $0) }
        return record?.organizationID == organization.id ? record : nil
    }

    /// The newest imports of a tenant.
    package func mappingImports(of organization: Organization) async throws -> [MappingImportStore.Summary] {
        try await control.withConnection {
            try await MappingImportStore().recent(
                of: organization.id, limit: TenantAdminLimits.mappingImports, on: $0)
        }
    }

    /// Has a worker remove a mapping. Throws `.outdatedMapping`, and `.unsentChanges` if
    /// local changes of the table, or rows of one to drop, are not in Salesforce.
    package func removeMapping(
        _ object: String, basedOn base: String, of organization: Organization, dropsTable: Bool,
        by actor: String
    ) async throws {
        let book = try await mappingBook(of: organization)
        guard let mapping = book.mapping(of: object), mapping.configuration.version == base else {
            throw TenantAdminError(
                .outdatedMapping, "nothing was removed: \(object) has changed since the form was opened")
        }
        let table = try await control.withConnection {
            try await MappingPauseStore().summaries(of: organization.id, on: $0)
        }.first { $0.id == mapping.id }?.table
        if let table {
            let store = MappingRemovalStore(organization: organization.id, schema: organization.schemaName)
            let (unsent, own) = try await withCell(
                named: organization.cell, within: TenantAdminLimits.cellAction
            ) { connection in
                (
                    try await store.unsentChanges(of: table, on: connection),
                    dropsTable ? try await store.ownRows(of: table, on: connection) : 0
                )
            }
            guard unsent == 0 else {
                throw TenantAdminError(
                    .unsentChanges,
                    "nothing was removed: \(unsent) local changes of \(table) are not in Salesforce. Send or "
                        + "discard them first.")
            }
            guard own == 0 else {
                throw TenantAdminError(
                    .unsentChanges,
                    "nothing was removed: \(own) rows of \(table) are not in Salesforce. Keep the table, or "
                        + "delete them first.")
            }
        }
        _ = try await queue.enqueue(
            RemoveMappingJob.job(
                for: mapping.id, of: organization.id, dropsTable: dropsTable, by: actor))
    }

    /// Runs `body` with the API of a tenant's org for a limited time.
    func withOrg<Value: Sendable>(
        of organization: Organization,
        _ body: @escaping @Sendable (RESTClient, NameResolver) async throws -> Value
    ) async throws -> Value {
        guard let orgs else { throw TenantAdminError(.silentOrg, "this process does not call orgs") }
        let rest = orgs.sessions.rest(for: organization.id)
        do {
            return try await withDeadline(.now + TenantAdminLimits.orgWait, operation: "org call") {
                try await body(rest, orgs.resolver)
            }
        } catch let error as ReactorError where error.code == .timedOut {
            throw TenantAdminError(
                .silentOrg, "the org did not answer within \(TenantAdminLimits.orgWait.components.seconds) s")
        } catch let error as SalesforceError {
            logger.info("org refused a call of an operator's page", metadata: ["error": "\(error)"])
            let text = error.message.isEmpty ? error.description : error.message
            throw TenantAdminError(.silentOrg, "the org did not answer: \(text)")
        } catch let error as OrganizationsError where error.code == .unauthorized {
            throw TenantAdminError(.noConsent, "the org has no valid consent: its admin must consent first")
        } catch let error as PostgresError where error.isTransient || error.isConnectionLoss {
            throw TenantAdminError(.silentCell, Self.text(of: error, organization.cell))
        }
    }
}
