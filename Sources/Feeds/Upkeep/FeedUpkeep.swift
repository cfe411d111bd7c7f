package import Jobs
internal import Logging
package import Postgres

/// The periodic job of the feed: prunes events and deliveries, and makes the cells record what the webhooks
/// want.
package struct FeedUpkeep: Sendable {
    package static let className = "FeedUpkeep"
    package static let schedule = "every 1 minutes"

    private let control: PostgresPool
    private let cells: [String: PostgresPool]

    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 2) { context in
            try await run { try context.checkClaim() }
            return .done
        }
    }

    /// - Parameter check: runs between batches; it ends the run by throwing.
    package func run(_ check: () throws -> Void = {}) async throws {
        try await WebhookBook(control: control).setDemands(in: cells)
        try await prune(.control, in: control, check)
        for (name, pool) in cells { try await prune(.cell(name), in: pool, check) }
        _ = try await control.withConnection { try await DeliveryStore(on: $0).prune() }
    }

    private func prune(
        _ store: FeedEventStore, in pool: PostgresPool, _ check: () throws -> Void
    ) async throws {
        while try await pool.withConnection({ try await store.prune(on: $0) }) == FeedLimits.prunedEvents {
            try check()
        }
    }
}
