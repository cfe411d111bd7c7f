import Activity
import FoundationEssentials
package import Jobs
package import Organizations
import Postgres
import Replication

/// The result of an action on several tenants.
package struct TenantBulkOutcome: Sendable, Equatable {
    /// Tenants that were changed.
    package var changed = 0
    /// Tenants whose status did not allow the action, or that needed nothing.
    package var skipped = 0
    /// Where the action continues after its time was over; nil if it is finished.
    package var rest: TenantPosition?

    package init() {}
}

// Actions on several tenants.
extension TenantOperator {
    /// Performs an action on one tenant. Returns whether it changed something.
    package func perform(
        _ action: TenantAction, on organization: Organization, by actor: String
    ) async throws -> Bool {
        switch action {
        case .pause: try await pause(organization, by: actor).outcome == .changed
        case .resume: try await resume(organization, by: actor) == .changed
        case .retry: try await retry(organization.id, by: actor).map { !$0.steps.isEmpty } ?? false
        case .mail:
            if case .queued = try await mailAgain(organization.id, by: actor) { true } else { false }
        }
    }

    /// Performs an action on named tenants, each once.
    package func perform(
        _ action: TenantAction, onEach names: [String], by actor: String
    ) async throws -> TenantBulkOutcome {
        var outcome = TenantBulkOutcome()
        for name in Set(names).sorted().prefix(TenantAdminLimits.pageSize) {
            guard let organization = try await find(name) else { continue }
            try await perform(action, on: organization, by: actor, &outcome)
        }
        return outcome
    }

    private func perform(
        _ action: TenantAction, on organization: Organization, by actor: String,
        _ outcome: inout TenantBulkOutcome
    ) async throws {
        if try await perform(action, on: organization, by: actor) {
            outcome.changed += 1
        } else {
            outcome.skipped += 1
        }
    }

    /// The number of tenants that match and that the action can change, up to a limit.
    package func count(_ action: TenantAction, _ filter: TenantFilter) async throws -> JobCount {
        var filter = filter
        filter.action = action
        let possible = filter
        return try await control.withConnection { try await TenantOverviewStore().count(possible, on: $0) }
    }

    /// Performs an action on all tenants that match and whose status allows it, the oldest first.
    ///
    /// - Parameters:
    ///   - rest: the position at which an unfinished action continues.
    ///   - time: the action pauses after this time.
    package func performAll(
        _ action: TenantAction, _ filter: TenantFilter, by actor: String, from rest: TenantPosition? = nil,
        within time: Duration
    ) async throws -> TenantBulkOutcome {
        let deadline = ContinuousClock.now + time
        var filter = filter
        filter.action = action
        var outcome = TenantBulkOutcome()
        var position = rest
        try await control.withConnection { [filter] in
            try await ActivityStore(on: $0).add(
                "organizations.\(action.rawValue)_all", by: actor, organization: nil, detail: filter.text)
        }
        while true {
            let page = try await list(filter, order: .oldest, after: position)
            for (index, tenant) in page.tenants.enumerated() {
                try await perform(action, on: tenant.organization, by: actor, &outcome)
                position = tenant.position
                let isLast = page.next == nil && index == page.tenants.count - 1
                if !isLast, .now >= deadline {
                    outcome.rest = position
                    return outcome
                }
            }
            guard page.next != nil else { return outcome }
        }
    }
}
