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

    /// What was found out about one mapping.
    private struct Finding: Sendable {
        let mapping: Mapping
        var result: ObjectLookup.Result?
        /// Why nothing can be imported of it, for a reason that does not pass by itself.
        var failure: String?
        /// The object could not be described now; its import tries again, and makes the table.
        var isDeferred = false

        var plan: TablePlan? {
            guard let result, result.isUsable, failure == nil else { return nil }
            return result.plan
        }
    }

    /// Provisions an organization; repeating it changes nothing that is there. What went wrong is shown with the
    /// tenant at once. Throws `.givenUp` when another start would not help.
    package func run(_ organizationID: UUID, _ job: JobHandle) async throws -> JobOutcome {
        do {
            return try await attempt(organizationID, job)
        } catch {
            let verdict = FaultVerdict(error)
            guard verdict != .interrupted else { throw error }
            let reason = FaultReason.text(error)
            await note(reason, organizationID, job)
            // Some of the quota comes back each hour: no attempt is lost for it.
            if (error as? SalesforceError)?.code == .requestLimit {
                return .again(after: ReplicationLimits.quotaPause)
            }
            throw verdict.endsJob(failures: job.failures + 1) ? ReplicationError(.givenUp, reason) : error
        }
    }

    /// Shows why a start failed.
    private func note(_ reason: String, _ organization: UUID, _ job: JobHandle) async {
        do {
            try await job.confirmClaim()
            try await site.control.transaction {
                try await TenantRecovery.noteError(reason, provisioning: organization, on: $0)
            }
        } catch {
            site.logger.debug("the error of a provisioning was not noted", metadata: ["error": "\(error)"])
        }
    }

    private func attempt(_ organizationID: UUID, _ job: JobHandle) async throws -> JobOutcome {
        let tenant = Tenant(
            try await site.control.withConnection {
                try await OrganizationStore(on: $0).get(id: organizationID)
            })
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over: throw tenant.refusal
        }
        let rest = try await site.salesforce(tenant.id)
        guard try await hasQuota(rest) else {
            await note(
                "the org has fewer than \(ReplicationLimits.callsToBegin) API calls left today; "
                    + "Multiconnect waits until it has more", organizationID, job)
            return .again(after: ReplicationLimits.quotaPause)
        }
        let schema = TenantSchema(tenant: tenant, pool: try site.cell(tenant.cell))
        let mappings = try await site.control.transaction { connection in
            try await OrganizationStore(on: connection).setStatus(tenant.id, to: .provisioning)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .importConfiguration)
            return try await MappingStore().add(
                site.settings.mappings, to: tenant.connectionID, on: connection)
        }
        let ddl = try await preflight(schema, job)
        let lookup = ObjectLookup(rest: rest, resolver: site.settings.resolver)
        var found: [Finding] = []
        for mapping in mappings {
            try job.checkClaim()
            found.append(try await describe(mapping, lookup))
        }
        try await make(&found, ddl, schema, job)
        try await finish(found, tenant, job)
        return .completed
    }

    /// One object that cannot be described leaves the others alone.
    private func describe(_ mapping: Mapping, _ lookup: ObjectLookup) async throws -> Finding {
        do {
            return Finding(mapping: mapping, result: try await lookup.plan(mapping))
        } catch {
            switch FaultVerdict(error) {
            case .permanent: return Finding(mapping: mapping, failure: FaultReason.text(error))
            case .unclear: return Finding(mapping: mapping, isDeferred: true)
            case .transient, .interrupted: throw error
            }
        }
    }

    /// Makes the tables: all in one transaction, or one by one where the database refuses one of them.
    private func make(
        _ found: inout [Finding], _ ddl: TenantDDL, _ schema: TenantSchema, _ job: JobHandle
    ) async throws {
        let plans = found.compactMap(\.plan)
        do {
            return try await make(ddl.foundation + plans.flatMap(ddl.table), schema, job)
        } catch let error as PostgresError where FaultVerdict(error) == .permanent && !plans.isEmpty {
            site.logger.notice("tables are made one by one", metadata: ["error": "\(error)"])
        }
        try await make(ddl.foundation, schema, job)
        for index in found.indices {
            guard let plan = found[index].plan else { continue }
            try job.checkClaim()
            do {
                try await schema.run(ddl.table(plan)) { _ in
                    try await job.confirmClaim()
                    return false
                }
            } catch let error as PostgresError where FaultVerdict(error) == .permanent {
                found[index].failure = FaultReason.text(error)
            }
        }
    }

    private func make(_ statements: [String], _ schema: TenantSchema, _ job: JobHandle) async throws {
        try await schema.run(statements) { connection in
            let isDone = try await !StepStore().apply("create schema", of: job.id, on: connection)
            try await job.confirmClaim()
            return isDone
        }
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

    private func finish(_ found: [Finding], _ tenant: Tenant, _ job: JobHandle) async throws {
        try await site.control.transaction { connection in
            let store = MappingStore()
            let organizations = OrganizationStore(on: connection)
            _ = try await organizations.lock(id: tenant.id)
            var imports: [NewJob] = []
            for finding in found {
                let mapping = finding.mapping
                if let result = finding.result {
                    try await note(result, of: mapping, tenant, on: connection)
                }
                if let failure = finding.failure {
                    try await note(failure: failure, of: mapping, tenant, on: connection)
                } else if finding.plan != nil || finding.isDeferred, !mapping.isImported {
                    _ = try await store.reopen(mapping.id, on: connection)
                    imports.append(Importer.job(for: mapping))
                }
            }
            let progress = try await store.progress(of: tenant.id, on: connection)
            try await organizations.setStatus(tenant.id, to: .importing, detail: progress.detail)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .idle)
            if imports.isEmpty { imports = try await TenantRecovery.settle(tenant.id, on: connection) }
            try await job.complete(connection, imports)
        }
    }

    private func note(
        _ result: ObjectLookup.Result, of mapping: Mapping, _ tenant: Tenant,
        on connection: PostgresConnection
    ) async throws {
        try await MappingStore().describe(
            mapping.id, plan: result.plan, problems: result.problems, on: connection)
        guard !result.problems.isEmpty else { return }
        let problems = result.problems.map(\.message).joined(separator: "; ")
        try await NotificationStore(on: connection).add(
            "mapping_problems", organization: tenant.id, message: "\(mapping.objectName): \(problems)")
    }

    private func note(
        failure: String, of mapping: Mapping, _ tenant: Tenant, on connection: PostgresConnection
    ) async throws {
        guard try await MappingStore().fail(mapping.id, failure, on: connection) else { return }
        try await NotificationStore(on: connection).addOnce(
            "mapping_failed", organization: tenant.id,
            message: "\(mapping.objectName) is not imported: \(failure)",
            atMost: ReplicationLimits.openNotifications)
    }
}
