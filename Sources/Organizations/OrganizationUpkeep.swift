package import Jobs
import Logging
package import Postgres

/// How long the tenants' history is kept.
package struct HistoryRetention: Sendable, Equatable {
    /// Activity, quotas, mails and acknowledged notifications; nil for ever.
    package var history: Duration?
    /// Registrations to which no admin ever consented; nil for ever.
    package var registrations: Duration?

    package init(history: Duration?, registrations: Duration?) {
        self.history = history
        self.registrations = registrations
    }
}

/// The duties that remove what was kept long enough, on one loop.
package struct OrganizationUpkeep: Sendable {
    /// The class that prunes the history.
    package static let pruneHistory = "PruneHistory"
    /// The class that ends registrations to which nobody consented.
    package static let expireRegistrations = "ExpireRegistrations"

    private let pool: PostgresPool
    private let retention: HistoryRetention

    /// - Parameter pool: of the loop on which its jobs run.
    package init(pool: PostgresPool, retention: HistoryRetention) {
        self.pool = pool
        self.retention = retention
    }

    /// Adds both classes.
    package func register(in registry: inout JobRegistry) {
        registry.register(Self.pruneHistory, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let removed = try await prune { try context.checkClaim() }
            if removed > 0 {
                context.logger.info("old history was removed", metadata: ["rows": "\(removed)"])
            }
            return .done
        }
        registry.register(Self.expireRegistrations, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let expired = try await expire { try context.checkClaim() }
            if expired > 0 {
                context.logger.notice(
                    "registrations without consent were removed", metadata: ["organizations": "\(expired)"])
            }
            return .done
        }
    }

    /// Removes old rows of all kinds; how many. `check` is asked after each batch, and may end it.
    func prune(_ check: () throws -> Void) async throws -> Int {
        guard let age = retention.history else { return 0 }
        var removed = 0
        removed += try await each(check) { try await $0.pruneActivity(olderThan: age) }
        removed += try await each(check) { try await $0.pruneUsage(olderThan: age) }
        removed += try await each(check) { try await $0.pruneMails(olderThan: age) }
        removed += try await each(check) { try await $0.pruneNotifications(olderThan: age) }
        return removed
    }

    /// Removes registrations that nobody followed up; how many.
    func expire(_ check: () throws -> Void) async throws -> Int {
        guard let age = retention.registrations else { return 0 }
        return try await each(check, by: OrganizationsLimits.expireBatch) {
            try await $0.expireRegistrations(olderThan: age).count
        }
    }

    /// Batch after batch, each in a transaction of its own, until one is not full.
    private func each(
        _ check: () throws -> Void, by batch: Int = OrganizationsLimits.pruneBatch,
        _ remove: (HistoryStore) async throws -> Int
    ) async throws -> Int {
        var removed = 0
        while true {
            let count = try await pool.withConnection { try await remove(HistoryStore(on: $0)) }
            removed += count
            if count < batch { return removed }
            try check()
        }
    }
}
