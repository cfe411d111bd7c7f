package import Jobs
internal import Logging
package import Postgres

/// The periodic job that deletes old imports and ledger steps from the cells.
package struct ImportUpkeep: Sendable {
    /// The job's class.
    package static let className = "PruneImports"

    private let cells: [String: PostgresPool]
    private let retention: Duration?

    /// - Parameters:
    ///   - cells: pools of the loop on which the job runs.
    ///   - retention: how long finished imports are kept. Nil: forever.
    package init(cells: [String: PostgresPool], retention: Duration?) {
        self.cells = cells
        self.retention = retention
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let removed = try await prune { try context.checkClaim() }
            if removed > 0 {
                context.logger.info("pruned finished imports", metadata: ["rows": "\(removed)"])
            }
            return .done
        }
    }

    /// Deletes rows older than the retention. Returns how many. `check` is called after each batch and can
    /// throw to stop.
    func prune(_ check: () throws -> Void) async throws -> Int {
        guard let retention else { return 0 }
        let store = ImportPruneStore()
        var removed = 0
        for (_, pool) in cells.sorted(by: { $0.key < $1.key }) {
            removed += try await each(pool, check) { try await store.imports(olderThan: retention, on: $0) }
            removed += try await each(pool, check) { try await store.steps(olderThan: retention, on: $0) }
        }
        return removed
    }

    private func each(
        _ pool: PostgresPool, _ check: () throws -> Void, _ remove: (PostgresConnection) async throws -> Int
    ) async throws -> Int {
        var removed = 0
        while true {
            let count = try await pool.withCellConnection(remove)
            removed += count
            if count < ReplicationLimits.pruneBatch { return removed }
            try check()
        }
    }
}
