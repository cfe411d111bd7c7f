import FoundationEssentials
import JobAdmin
import Jobs
import Logging
package import Organizations
import Postgres
import Reactor
import Replication
import Salesforce

/// The steps of an off-boarding that keeps the data. Each can be repeated.
package struct TenantRemovalReport: Sendable, Equatable {
    /// False if the tenant had ended before.
    package var isChanged = false
    /// Jobs that were cancelled.
    package var cancelled = 0
    /// The open steps, in words; empty if all are done.
    package var open: [String] = []
}

// Off-boarding.
extension TenantOperator {
    /// The number of users' changes that Salesforce does not have, and that nobody sends after the tenant has
    /// ended. Nil if the tenant has no tables, or if its cell does not answer.
    package func unsentWrites(of organization: Organization) async -> Int? {
        guard case .report(let report) = await cell(of: organization) else { return nil }
        return report.counts.values.reduce(0, +)
    }

    /// Ends a tenant: its stream, its jobs, its reader and its grant. The schema with its rows stays.
    package func remove(
        _ organization: Organization, by actor: String
    ) async throws -> TenantRemovalReport {
        var report = TenantRemovalReport()
        let removal = TenantRemoval(control: control)
        report.isChanged = try await removal.end(organization, by: actor)
        await step("its workers could not be stopped at once", of: organization, &report) {
            _ = try await withCell(named: organization.cell, within: TenantAdminLimits.cellAction) {
                try await removal.fence(organization, on: $0)
            }
            return true
        }
        var filter = JobFilter()
        filter.organizationID = organization.id
        filter.states = JobAction.cancel.states
        let outcome = try await jobs.performAll(
            .cancel, filter, by: actor, within: TenantAdminLimits.removalJobs)
        report.cancelled = outcome.changed
        if !outcome.isFinished { report.open.append("not all of its jobs are cancelled") }
        try await control.withConnection { try await ReaderLoginStore(on: $0).remove(organization.id) }
        await step("its role for BI tools could not be dropped", of: organization, &report) {
            let store = ReaderRoleStore(organization)
            let removal = try await withCell(
                named: organization.cell, within: TenantAdminLimits.cellAction
            ) { try await store.revoke(on: $0) }
            return removal != .notAllowed
        }
        await step("its grant could not be revoked at Salesforce", of: organization, &report) {
            guard let withdrawal else { return false }
            let deadline = ContinuousClock.now + TenantAdminLimits.orgWait
            _ = try await withDeadline(deadline, operation: "revocation") {
                try await withdrawal.run(for: organization)
            }
            return true
        }
        return report
    }

    /// Notes a step that fails. The others are done all the same.
    ///
    /// - Parameter body: returns false if the step is not possible.
    private func step(
        _ complaint: String, of organization: Organization, _ report: inout TenantRemovalReport,
        _ body: () async throws -> Bool
    ) async {
        do {
            if try await !body() { report.open.append(complaint) }
        } catch {
            logger.warning(
                "off-boarding is not complete",
                metadata: [
                    "org": "\(organization.organizationID)", "open": "\(complaint)", "error": "\(error)",
                ])
            report.open.append(complaint)
        }
    }
}
