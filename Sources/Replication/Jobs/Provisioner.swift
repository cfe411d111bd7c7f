package import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce

/// The job `ProvisionOrganization`: looks whether the database and the org allow it, makes the tenant's schema with
/// its tables, and enqueues an import for each mapping.
package struct Provisioner: Sendable {
    let site: ReplicationSite

    package init(_ site: ReplicationSite) {
        self.site = site
    }

    /// Provisions an organization; repeating it changes nothing that is there.
    package func run(_ organizationID: UUID, _ job: JobHandle) async throws -> JobOutcome {
        let tenant = Tenant(
            try await site.control.withConnection {
                try await OrganizationStore(on: $0).get(id: organizationID)
            })
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over: return .done
        }
        let rest = try await site.salesforce(tenant.id)
        guard try await hasQuota(rest) else { return .again(after: ReplicationLimits.quotaPause) }
        let schema = TenantSchema(tenant: tenant, pool: try site.cell(tenant.cell))
        let mappings = try await site.control.transaction { connection in
            try await OrganizationStore(on: connection).setStatus(tenant.id, to: .provisioning)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .importConfiguration)
            return try await MappingStore().add(
                site.settings.mappings, to: tenant.connectionID, on: connection)
        }
        let ddl = try await preflight(schema, job)
        let lookup = ObjectLookup(rest: rest, resolver: site.settings.resolver)
        var found: [(mapping: Mapping, result: ObjectLookup.Result)] = []
        for mapping in mappings {
            try job.checkClaim()
            found.append((mapping, try await lookup.plan(mapping)))
        }
        let plans = found.compactMap { $0.result.isUsable ? $0.result.plan : nil }
        try await schema.run(ddl.foundation + plans.flatMap(ddl.table)) { connection in
            try await !StepStore().apply("create schema", of: job.id, on: connection)
        }
        try await finish(found, tenant, job)
        return .completed
    }

    /// Whether the org's API quota is large enough to begin. An org that does not tell is taken to have it.
    private func hasQuota(_ rest: RESTClient) async throws -> Bool {
        do {
            guard let calls = try await rest.limits()["DailyApiRequests"] else { return true }
            return calls.remaining >= ReplicationLimits.callsToBegin
        } catch let error as SalesforceError where error.code == .forbidden || error.code == .notFound {
            site.logger.debug("limits are not visible", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// What the database lacks is shown with the tenant; the job is tried again, for somebody may mend it.
    private func preflight(_ schema: TenantSchema, _ job: JobHandle) async throws -> TenantDDL {
        do {
            return try await schema.preflight()
        } catch let error as ReplicationError where error.code == .databaseUnsuitable {
            try await site.control.transaction { connection in
                try await OrganizationStore(on: connection).setStatus(
                    schema.tenant.id, to: .provisioning, detail: error.message)
                guard job.failures == 0 else { return }
                try await NotificationStore(on: connection).add(
                    "database_unsuitable", organization: schema.tenant.id, message: error.message)
            }
            throw error
        }
    }

    private func finish(
        _ found: [(mapping: Mapping, result: ObjectLookup.Result)], _ tenant: Tenant, _ job: JobHandle
    ) async throws {
        try await site.control.transaction { connection in
            let store = MappingStore()
            for (mapping, result) in found {
                try await store.describe(
                    mapping.id, plan: result.plan, problems: result.problems, on: connection)
                guard !result.problems.isEmpty else { continue }
                let problems = result.problems.map(\.message).joined(separator: "; ")
                try await NotificationStore(on: connection).add(
                    "mapping_problems", organization: tenant.id, message: "\(mapping.objectName): \(problems)"
                )
            }
            try await OrganizationStore(on: connection).setStatus(tenant.id, to: .importing)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .idle)
            let imports = found.filter { $0.result.isUsable && !$0.mapping.isImported }.map {
                Importer.job(for: $0.mapping)
            }
            try await job.complete(
                connection, imports.isEmpty ? [OrganizationJob.announce(tenant.id)] : imports)
        }
    }
}
