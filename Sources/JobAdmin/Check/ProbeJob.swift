import FoundationEssentials
package import Jobs
package import Postgres

/// The job of a queue check. Its effect is one row, in the transaction that completes it.
package enum ProbeJob {
    /// The class. Arguments: the check, the job's number in it, milliseconds to run.
    package static let className = "ProbeJob"
    /// The longest duration of a probe. The class's timeout is longer.
    package static let longest = Duration.seconds(300)

    /// Adds the class to a worker's registry.
    package static func register(in registry: inout JobRegistry, pool: PostgresPool) {
        registry.register(className, timeout: longest * 2) { context in
            let check = try context.argument(0, as: UUID.self)
            let number = try context.argument(1, as: Int.self)
            let milliseconds = try context.argument(2, as: Int.self)
            if milliseconds > 0 { try await Task.sleep(for: min(.milliseconds(milliseconds), longest)) }
            try await pool.transaction { connection in
                try await ProbeStore().add(
                    number, of: check, job: context.id, attempt: context.attempt, on: connection)
                try await context.complete(on: connection)
            }
            return .completed
        }
    }
}
