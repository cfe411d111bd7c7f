package import Cryptography
internal import Feeds
package import Jobs
package import Postgres

/// The periodic job of processes: prunes runs, and reseals targets after a change of `SECRET`.
package struct ProcessUpkeep: Sendable {
    package static let className = "ProcessUpkeep"
    package static let schedule = "17 * * * *"

    /// How long the ends of runs are kept.
    private static let retention = Duration.seconds(30 * 86_400)

    private let control: PostgresPool
    private let keys: KeyRing

    package init(control: PostgresPool, keys: KeyRing) {
        self.control = control
        self.keys = keys
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(300), maximumAttempts: 2) { _ in
            try await run()
            return .done
        }
    }

    package func run() async throws {
        try await control.withConnection { connection in
            let store = ProcessStore(on: connection)
            try await store.prune(after: Self.retention)
            for (name, target) in try await store.targets() {
                guard let stored = try? Sealed(bytes: target), keys.isOutdated(stored) else { continue }
                let context = ProcessJob.context(name)
                // A target that no key opens stays as it is: its runs say so.
                guard let plain = try? keys.open(target, context: context) else { continue }
                let sealed = try keys.seal(plain, context: context).bytes
                try await store.reseal(name, from: target, to: sealed)
            }
        }
    }
}
