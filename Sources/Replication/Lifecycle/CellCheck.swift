internal import Activity
package import Jobs
internal import Logging
internal import Organizations
package import Postgres
internal import Reactor

/// The periodic job that shows on tenants' connections whether their cell answers.
package struct CellCheck: Sendable {
    /// The job's class.
    package static let className = "CheckCells"

    private let control: PostgresPool
    private let cells: [String: PostgresPool]

    /// - Parameter cells: pools of the loop on which the job runs.
    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 1) { context in
            for (cell, error) in try await check() {
                context.logger.error(
                    "cell does not answer", metadata: ["cell": "\(cell)", "error": "\(error)"])
            }
            return .done
        }
    }

    /// Checks all cells. Returns the errors of those that do not answer.
    func check() async throws -> [String: any Error] {
        var errors: [String: any Error] = [:]
        for (cell, pool) in cells.sorted(by: { $0.key < $1.key }) {
            errors[cell] = await Self.failure(of: pool)
            let isOut = errors[cell] != nil
            try await control.transaction { connection in
                let changed = try await ConnectionStore(on: connection).setOutage(isOut, of: cell)
                guard changed > 0 else { return }
                let store = NotificationStore(on: connection)
                if isOut {
                    try await store.addOnce(
                        Self.event, organization: nil,
                        message: "\(cell): the cell does not answer, and its tenants are not synced")
                } else {
                    try await store.resolve([Self.event], organization: nil)
                }
            }
        }
        return errors
    }

    private static let event = "cell_unavailable"

    /// The error of the last of some tries. Nil if the cell answers.
    private static func failure(of pool: PostgresPool) async -> (any Error)? {
        var last: (any Error)?
        for attempt in 1...ReplicationLimits.cellChecks {
            do {
                try await pool.withConnection(deadline: .now + ReplicationLimits.cellAnswer) {
                    _ = try await $0.query("select 1")
                }
                return nil
            } catch {
                last = error
            }
            if attempt < ReplicationLimits.cellChecks { try? await Task.sleep(for: .seconds(1)) }
        }
        return last
    }
}
