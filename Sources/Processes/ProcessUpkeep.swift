package import Jobs
package import Postgres

/// The periodic job of processes: prunes runs.
package struct ProcessUpkeep: Sendable {
    package static let className = "ProcessUpkeep"
    package static let schedule = "17 * * * *"

    /// How long the ends of runs are kept.
    private static let retention = Duration.seconds(30 * 86_400)

    private let control: PostgresPool

    package init(control: PostgresPool) {
        self.control = control
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 2) { _ in
            try await run()
            return .done
        }
    }

    package func run() async throws {
        try await control.withConnection { connection in
            try await ProcessStore(on: connection).prune(after: Self.retention)
        }
    }
}
