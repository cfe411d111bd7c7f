import Activity
package import FoundationEssentials
import JobAdmin
import Jobs
import Logging
package import Organizations
import Postgres
package import Replication

// Actions on a tenant.
extension TenantOperator {
    /// Pauses a tenant and interrupts its running imports. Their jobs start again after the pause.
    ///
    /// - Returns: also whether the imports are interrupted. They continue if the cell does not answer.
    package func pause(
        _ organization: Organization, by actor: String
    ) async throws -> (outcome: TenantPause.Outcome, isInterrupted: Bool) {
        let outcome = try await TenantPause(control: control, queue: queue).pause(organization.id, by: actor)
        guard [.changed, .unchanged].contains(outcome) else { return (outcome, true) }
        let mappings = try await mappings(of: organization.id)
        do {
            try await withCell(named: organization.cell, within: TenantAdminLimits.cellAction) {
                try await TenantPause.interruptImports(of: mappings, on: $0)
            }
            return (outcome, true)
        } catch {
            logger.warning(
                "could not interrupt imports of paused tenant",
                metadata: ["cell": "\(organization.cell)", "error": "\(error)"])
            return (outcome, false)
        }
    }

    /// Ends a tenant's pause, and starts the jobs that may have waited for it.
    package func resume(_ organization: Organization, by actor: String) async throws -> TenantPause.Outcome {
        let outcome = try await TenantPause(control: control, queue: queue).resume(organization.id, by: actor)
        guard outcome == .changed else { return outcome }
        var filter = JobFilter()
        filter.organizationID = organization.id
        filter.states = [.scheduled]
        _ = try await jobs.performAll(.retry, filter, by: actor)
        return outcome
    }

    /// Starts the failed steps of a tenant again, and runs those now that wait for their next attempt. Nil if
    /// there is no such tenant.
    package func retry(_ organization: UUID, by actor: String) async throws -> TenantRetry? {
        guard let retry = try await recovery.retry(organization, by: actor) else { return nil }
        for step in retry.steps where !step.isNew {
            _ = try await jobs.perform(.retry, on: step.job, by: actor)
        }
        return retry
    }

    /// Reads all rows of an imported mapping again. False if there is no such mapping.
    package func reload(
        _ mapping: UUID, of organization: UUID, by actor: String
    ) async throws -> Bool {
        let found = try await mappings(of: organization).filter { $0.id == mapping }
        let reloads = try await TenantPause(control: control, queue: queue).reload(
            found, in: organization, by: actor)
        return !reloads.isEmpty
    }

    /// Has the rows of an imported mapping compared with the org and repaired. False if there is no such
    /// mapping.
    package func compare(
        _ mapping: UUID, of organization: UUID, by actor: String
    ) async throws -> Bool {
        let found = try await mappings(of: organization).first { $0.id == mapping && $0.isImported }
        guard let found else { return false }
        _ = try await RepairRequest(control: control, queue: queue).add(found, of: organization, by: actor)
        return true
    }

    package func mailAgain(_ organization: UUID, by actor: String) async throws -> MailReminder.Outcome {
        try await MailReminder(pool: control, queue: queue).send(to: organization, by: actor)
    }

    /// Closes a notification. Returns whether it was open.
    package func acknowledge(_ notification: Int64, by actor: String) async throws -> Bool {
        try await control.withConnection {
            try await NotificationStore(on: $0).acknowledge(notification, by: actor)
        }
    }

    private func mappings(of organization: UUID) async throws -> [MappingSummary] {
        try await control.withConnection {
            try await MappingPauseStore().summaries(of: organization, on: $0)
        }
    }
}

// Users' changes.
extension TenantOperator {
    /// Sends refused changes again.
    ///
    /// - Parameter id: the change's id in the tenant's log; nil: all refused ones, without those that a later
    ///   change of the same columns has replaced.
    /// - Returns: how many are sent again.
    package func retryWrites(
        _ id: Int?, of organization: Organization, by actor: String
    ) async throws -> Int {
        let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
        let ids = try await withCell(named: organization.cell, within: TenantAdminLimits.cellAction) {
            connection in
            var filter = LocalWriteFilter()
            filter.status = .failed
            filter.ids = id.map { [$0] }
            filter.limit = TenantAdminLimits.retriedWrites
            let changes = try await store.list(filter, on: connection)
            let replaced = id == nil ? try await store.superseded(changes, on: connection) : []
            return try await connection.transaction {
                try await store.retry(changes.filter { !replaced.contains($0.id) }, on: $0)
            }
        }
        guard !ids.isEmpty else { return 0 }
        let shown = ids.prefix(20).map(String.init).joined(separator: " ")
        try await control.withConnection {
            try await ActivityStore(on: $0).add(
                "writes_retried", by: actor, organization: organization.id,
                detail: ids.count > 20 ? "\(ids.count) changes, \(shown) ..." : shown)
        }
        return ids.count
    }
}
