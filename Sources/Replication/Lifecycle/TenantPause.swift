internal import Activity
package import FoundationEssentials
package import Jobs
internal import Organizations
package import Postgres

/// Pauses and resumes tenants and mappings for an operator. During a pause changes of the org are not read
/// and nothing is imported. Local changes are captured. Afterwards reading continues from the stored
/// positions.
package struct TenantPause: Sendable {
    /// The effect of an action.
    package enum Outcome: Sendable, Equatable {
        case changed
        /// The tenant or mapping is paused, or not paused, already.
        case unchanged
        /// The tenant's status does not allow it.
        case refused(String)
        /// There is no such tenant.
        case unknown
    }

    let control: PostgresPool
    let queue: JobQueue

    package init(control: PostgresPool, queue: JobQueue) {
        self.control = control
        self.queue = queue
    }

    /// Pauses a tenant. Its connection's state becomes `PAUSED`.
    package func pause(_ organization: UUID, by actor: String) async throws -> Outcome {
        try await control.transaction { connection in
            let store = OrganizationStore(on: connection)
            guard let tenant = try await store.lock(id: organization) else { return .unknown }
            if tenant.status == .paused { return .unchanged }
            guard try await store.trySetStatus(organization, to: .paused, detail: tenant.statusDetail) else {
                return .refused(tenant.status.rawValue)
            }
            try await ConnectionStore(on: connection).setState(of: organization, to: .paused)
            try await ActivityStore(on: connection).add(
                "organizations.pause", by: actor, organization: organization)
            return .changed
        }
    }

    /// Resumes a tenant. It becomes importing if an import or its announcement is missing, else live.
    package func resume(_ organization: UUID, by actor: String) async throws -> Outcome {
        let (outcome, jobs) = try await control.transaction { connection -> (Outcome, [EnqueuedJob]) in
            let store = OrganizationStore(on: connection)
            guard let tenant = try await store.lock(id: organization) else { return (.unknown, []) }
            guard tenant.status == .paused else { return (.unchanged, []) }
            let connections = ConnectionStore(on: connection)
            let progress = try await MappingStore().progress(of: organization, on: connection)
            let isAnnounced = try await connections.isAnnounced(organization)
            let status: OrganizationStatus =
                switch progress.verdict {
                case .ready: isAnnounced ? .live : .importing
                case .importing: .importing
                case .failed: .failed
                }
            try await store.setStatus(organization, to: status, detail: progress.detail)
            try await connections.setState(of: organization, to: .idle)
            try await ActivityStore(on: connection).add(
                "organizations.resume", by: actor, organization: organization, detail: status.rawValue)
            guard progress.verdict == .ready, !isAnnounced else { return (.changed, []) }
            let job = OrganizationJob.announce(organization)
            return (.changed, [try await queue.enqueue(job, on: connection)])
        }
        await queue.push(jobs)
        return outcome
    }

    /// Pauses or resumes mappings of a tenant. Returns the ids of those that changed.
    package func set(
        isPaused: Bool, of mappings: [MappingSummary], in organization: UUID, by actor: String
    ) async throws -> Set<UUID> {
        try await control.transaction { connection in
            var changed: Set<UUID> = []
            for mapping in mappings {
                let isChanged = try await MappingPauseStore().set(
                    isPaused: isPaused, of: mapping.id, on: connection)
                guard isChanged else { continue }
                changed.insert(mapping.id)
                try await ActivityStore(on: connection).add(
                    isPaused ? "mappings.pause" : "mappings.resume", by: actor, organization: organization,
                    detail: mapping.objectName)
            }
            return changed
        }
    }

    /// Enqueues a reload of mappings that can be reloaded. A mapping with an open reload keeps that job.
    package func reload(
        _ mappings: [MappingSummary], in organization: UUID, by actor: String
    ) async throws -> [(mapping: MappingSummary, job: EnqueuedJob)] {
        let enqueued = try await control.transaction { connection in
            var enqueued: [(mapping: MappingSummary, job: EnqueuedJob)] = []
            for mapping in mappings where mapping.canReload {
                let job = try await queue.enqueue(
                    ReloadJob.job(for: mapping.id, organizationID: organization), on: connection)
                enqueued.append((mapping, job))
                try await ActivityStore(on: connection).add(
                    "mappings.reload", by: actor, organization: organization, detail: mapping.objectName)
            }
            return enqueued
        }
        await queue.push(enqueued.map(\.job))
        return enqueued
    }
}

// Running imports.
extension TenantPause {
    /// Ends the running starts of the imports of these mappings, in their cell: their next step fails, and
    /// the job's next start finds the pause.
    package static func interruptImports(
        of mappings: [MappingSummary], on cell: PostgresConnection
    ) async throws {
        try await ImportStore().revoke(mappings.map(\.id), on: cell)
    }
}
