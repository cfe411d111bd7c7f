internal import Activity
package import FoundationEssentials
package import Jobs
internal import Organizations
internal import Postgres

/// The result of an operator's retry of a tenant.
package struct TenantRetry: Sendable, Equatable {
    /// A job that the tenant needs.
    package struct Step: Sendable, Equatable {
        /// The class, with the object for an import.
        package var name: String
        package var job: JobID
        /// False if the job was already open.
        package var isNew: Bool
    }

    /// The tenant's status afterwards.
    package var status: String
    package var steps: [Step]
    /// False if the tenant's status does not allow a retry: it needs consent, or an operator must resume it.
    package var isAllowed: Bool
}

extension TenantRecovery {
    /// Starts the steps of a tenant again that were given up. Open and finished steps stay. Nil without such
    /// a tenant.
    package func retry(_ organization: UUID, by actor: String) async throws -> TenantRetry? {
        let (retry, enqueued) = try await control.transaction { connection in
            guard let tenant = try await OrganizationStore(on: connection).lock(id: organization) else {
                return (TenantRetry?.none, [EnqueuedJob]())
            }
            guard Tenant(tenant).work == .allowed else {
                return (TenantRetry(status: tenant.status.rawValue, steps: [], isAllowed: false), [])
            }
            // The lease holder loads its tables again, and has those checked that somebody has altered.
            try await TenantListStore.announce(organization, on: connection)
            var steps: [TenantRetry.Step] = []
            var enqueued: [EnqueuedJob] = []
            for (name, job) in try await missingSteps(of: tenant, on: connection) {
                let one = try await queue.enqueue(job, on: connection)
                steps.append(.init(name: name, job: one.id, isNew: one.isNew))
                enqueued.append(one)
            }
            if !steps.isEmpty {
                try await ActivityStore(on: connection).add(
                    "organizations.retry", by: actor, organization: organization,
                    detail: steps.map(\.name).joined(separator: ", "))
            }
            let status = try await OrganizationStore(on: connection).get(id: organization).status
            return (TenantRetry(status: status.rawValue, steps: steps, isAllowed: true), enqueued)
        }
        await queue.push(enqueued)
        return retry
    }

    /// The jobs that a tenant needs to become live with all its objects. Sets the status that fits them.
    private func missingSteps(
        of tenant: Organization, on connection: PostgresConnection
    ) async throws -> [(name: String, job: NewJob)] {
        switch tenant.status {
        case .authorized, .provisioning, .failed:
            // Provisioning finds the missing steps, and starts the missing imports.
            try await TenantStatus.restart(tenant.id, as: .provisioning, from: [.failed], on: connection)
            return [(OrganizationJob.provisionOrganization, OrganizationJob.provision(tenant.id))]
        case .importing, .live:
            if tenant.connectionTrouble == .tables {
                // Provisioning creates the missing tables.
                return [(OrganizationJob.provisionOrganization, OrganizationJob.provision(tenant.id))]
            }
            let store = MappingStore()
            let mappings = try await store.mappings(of: tenant.connectionID, on: connection).filter {
                !$0.isImported
            }
            for mapping in mappings { try await store.reopen(mapping.id, on: connection) }
            try await TenantStatus.restart(tenant.id, as: .importing, from: [.live], on: connection)
            if mappings.isEmpty, tenant.status == .importing {
                return [(OrganizationJob.announceConnection, OrganizationJob.announce(tenant.id))]
            }
            return mappings.map { ("\(ImportJob.className) \($0.objectName)", ImportJob.job(for: $0)) }
        case .registered, .paused, .unauthorized, .uninstalled: return []
        }
    }
}
