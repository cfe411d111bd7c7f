internal import Activity
package import Jobs
internal import Logging
package import Postgres

/// How long tenants' history is kept.
package struct HistoryRetention: Sendable, Equatable {
    /// Activity, quotas, mails and acknowledged notifications; nil keeps them.
    package var history: Duration?
    /// Registrations that never got a consent; nil keeps them.
    package var registrations: Duration?

    package init(history: Duration?, registrations: Duration?) {
        self.history = history
        self.registrations = registrations
    }
}

/// The periodic jobs that remove old history and old registrations, on one loop.
package struct OrganizationUpkeep: Sendable {
    /// The class of the job that removes old history.
    package static let pruneHistory = "PruneHistory"
    /// The class of the job that removes old registrations without consent.
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
                context.logger.info("removed old history", metadata: ["rows": "\(removed)"])
            }
            return .done
        }
        registry.register(Self.expireRegistrations, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let expired = try await expire { try context.checkClaim() }
            if expired > 0 {
                context.logger.notice(
                    "removed registrations without consent", metadata: ["organizations": "\(expired)"])
            }
            return .done
        }
    }

    /// Removes old history; returns how many rows. `check` runs after each batch; it ends the run by
    /// throwing.
    func prune(_ check: () throws -> Void) async throws -> Int {
        guard let age = retention.history else { return 0 }
        var removed = 0
        let batch = OrganizationsLimits.pruneBatch
        removed += try await each(check) {
            try await ActivityStore(on: $0).prune(olderThan: age, limit: batch)
        }
        removed += try await each(check) { try await HistoryStore(on: $0).pruneUsage(olderThan: age) }
        removed += try await each(check) { try await HistoryStore(on: $0).pruneCalls(olderThan: age) }
        removed += try await each(check) { try await HistoryStore(on: $0).pruneMails(olderThan: age) }
        removed += try await each(check) {
            try await NotificationStore(on: $0).prune(olderThan: age, limit: batch)
        }
        return removed
    }

    /// Removes old registrations without consent; returns how many.
    func expire(_ check: () throws -> Void) async throws -> Int {
        guard let age = retention.registrations else { return 0 }
        return try await each(check, by: OrganizationsLimits.expireBatch) {
            try await HistoryStore(on: $0).expireRegistrations(olderThan: age).count
        }
    }

    /// Runs `remove` until a batch is not full, each batch in a transaction of its own.
    private func each(
        _ check: () throws -> Void, by batch: Int = OrganizationsLimits.pruneBatch,
        _ remove: (PostgresConnection) async throws -> Int
    ) async throws -> Int {
        var removed = 0
        while true {
            let count = try await pool.withConnection { try await remove($0) }
            removed += count
            if count < batch { return removed }
            try check()
        }
    }
}
