package import Postgres
internal import Synchronization

/// Reads the counts of all tenants, at most once in a while, because some of them read whole tables.
package struct TenantCensus: Sendable {
    /// The last figures, shared by all loops of a process.
    package final class Cache: Sendable {
        private let figures = Mutex<(value: TenantFigures, until: ContinuousClock.Instant)?>(nil)
        private let lifetime: Duration

        package init(lifetime: Duration = .seconds(10)) {
            self.lifetime = lifetime
        }

        fileprivate var current: TenantFigures? {
            figures.withLock { figures in figures.flatMap { $0.until > .now ? $0.value : nil } }
        }

        fileprivate func keep(_ value: TenantFigures) {
            figures.withLock { $0 = (value, .now + lifetime) }
        }
    }

    /// How long one database may take.
    private static let statementTimeout = Duration.seconds(2)

    private let control: PostgresPool
    private let cells: [String: PostgresPool]
    private let cache: Cache

    /// - Parameters:
    ///   - control, cells: pools of one loop.
    ///   - cache: of the process.
    package init(control: PostgresPool, cells: [String: PostgresPool], cache: Cache) {
        self.control = control
        self.cells = cells
        self.cache = cache
    }

    /// Throws if the control database does not answer. A cell that does not answer has no figures.
    package func figures() async throws -> TenantFigures {
        if let current = cache.current { return current }
        let deadline = ContinuousClock.now + Self.statementTimeout
        let store = TenantFiguresStore()
        var figures = try await control.withConnection(deadline: deadline) {
            try await store.control(by: deadline, on: $0)
        }
        figures.cells = await withTaskGroup { group in
            for (name, pool) in cells {
                group.addTask {
                    let cell = try? await pool.withConnection(deadline: deadline) {
                        try await store.cell(by: deadline, on: $0)
                    }
                    return (name, cell)
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = .some($1.1) }
        }
        cache.keep(figures)
        return figures
    }
}
