package import JobIndex
package import Jobs
package import Postgres

/// Functions that the composition root adds to a worker. All functions run on the worker's first loop, except
/// `runEnded`.
package protocol WorkerExtension: Sendable {
    /// A service beside the worker's own. Runs until it is cancelled.
    func run(beside worker: Worker) async

    /// Called once, after the last job has ended.
    func finish(_ worker: Worker) async

    /// Called for popped entries whose rows could not be claimed. It can insert rows for entries without a
    /// row.
    /// - Returns: jobs that can be claimed now.
    func claimable(_ entries: [QueueIndex.Entry], on connection: PostgresConnection) async throws -> [JobID]

    /// Called on any loop after a run has ended.
    /// - Parameter duration: how long the handler ran; nil if the run failed.
    func runEnded(_ job: JobRecord, after duration: Duration?)
}
