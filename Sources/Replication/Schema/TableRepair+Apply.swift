internal import Postgres
internal import TenantSchema

extension TableRepair {
    /// Makes the change in a transaction of its own, between the pages that other connections load.
    ///
    /// Does nothing if the database refuses it (a view uses the column, the table belongs to another role):
    /// cells that do not fit are then nulled. Rethrows errors of `hold`.
    ///
    /// - Parameter hold: locks the work that the change belongs to, in the same transaction.
    func apply(
        to plan: ImportPlan, on connection: PostgresConnection, until deadline: ContinuousClock.Instant,
        hold: (PostgresConnection) async throws -> Void
    ) async throws {
        // The deadline is short, because pages of other tenants wait for this connection.
        let lockDeadline = min(deadline, .now + ReplicationLimits.wideningWait)
        while true {
            do {
                return try await connection.transaction { connection in
                    try await connection.script(
                        "set local lock_timeout = '\(ReplicationLimits.wideningLockTimeout.milliseconds)ms'")
                    try await hold(connection)
                    // Rewriting or scanning a large table takes as long as the page may take.
                    try await connection.script("set local statement_timeout = 0")
                    for statement in statements(plan) {
                        try await connection.script(statement, deadline: deadline)
                    }
                }
            } catch let error as PostgresError where Self.isTransient(error) && .now < lockDeadline {
                try await Task.sleep(for: ReplicationLimits.wideningPause)
            } catch let error as PostgresError where isWidening && Self.isOutOfTime(error) {
                // The table is locked, or too large to rewrite in time: cells are nulled instead.
                return
            } catch let error as PostgresError where Self.isForbidden(error) {
                return
            }
        }
    }

    private var isWidening: Bool {
        if case .widen = self { true } else { false }
    }

    private static func isOutOfTime(_ error: PostgresError) -> Bool {
        isTransient(error) || error.code == .timedOut
    }

    private static func isTransient(_ error: PostgresError) -> Bool {
        error.code == .server && [.lockNotAvailable, .deadlockDetected].contains(error.sqlState)
    }

    private static func isForbidden(_ error: PostgresError) -> Bool {
        [.featureNotSupported, .dependentObjects, .insufficientPrivilege].contains(error.sqlState)
    }
}
