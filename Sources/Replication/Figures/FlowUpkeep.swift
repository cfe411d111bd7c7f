package import Jobs
package import Postgres

/// The periodic job that removes old counters of charts.
package struct FlowUpkeep: Sendable {
    /// The job's class.
    package static let className = "PruneFlows"
    /// Often, so that each run has little to remove.
    package static let schedule = "41 * * * *"

    private let control: PostgresPool

    /// - Parameter control: of the loop on which the job runs.
    package init(control: PostgresPool) {
        self.control = control
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(600), maximumAttempts: 3) { context in
            _ = try await prune { try context.checkClaim() }
            return .done
        }
    }

    /// Returns how many counters were removed. `check` runs after each batch; it ends the run by throwing.
    func prune(_ check: () throws -> Void) async throws -> Int {
        var removed = try await control.withConnection { try await FlowStore().prune(on: $0) }
        while true {
            let count = try await control.withConnection { try await FlowStore().pruneTenants(on: $0) }
            removed += count
            if count < FlowLimits.pruneBatch { return removed }
            try check()
        }
    }
}
