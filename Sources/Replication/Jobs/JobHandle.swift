internal import FoundationEssentials
package import Jobs
package import Postgres

/// What the handlers of this target use of a job: its claim, its progress and its end.
package struct JobHandle: Sendable {
    package var id: String
    /// Failed starts in a row before this one.
    package var failures = 0
    /// This start of the job, in the cells: each start has its own.
    var start = UUID()
    /// Throws when the job is no longer this worker's, or was asked to end.
    package var checkClaim: @Sendable () throws -> Void
    /// Asks the database whether the job is still this worker's; throws when it is not.
    var confirmClaim: @Sendable () async throws -> Void
    /// Notes progress for whoever looks.
    var report: @Sendable (ImportProgress) async throws -> Void
    /// Ends the job in the caller's transaction and enqueues what follows.
    package var complete: @Sendable (PostgresConnection, [NewJob]) async throws -> Void

    package init(_ context: JobContext) {
        id = "\(context.id)"
        failures = context.failures
        checkClaim = { try context.checkClaim() }
        confirmClaim = { try await context.confirmClaim() }
        report = { try await context.report(progress: $0) }
        complete = { try await context.complete(on: $0, enqueue: $1) }
    }

    /// A handle without a job behind it.
    init(
        id: String, failures: Int = 0, checkClaim: @escaping @Sendable () throws -> Void = {},
        confirmClaim: @escaping @Sendable () async throws -> Void = {},
        report: @escaping @Sendable (ImportProgress) async throws -> Void = { _ in },
        complete: @escaping @Sendable (PostgresConnection, [NewJob]) async throws -> Void = { _, _ in }
    ) {
        self.id = id
        self.failures = failures
        self.checkClaim = checkClaim
        self.confirmClaim = confirmClaim
        self.report = report
        self.complete = complete
    }
}
