/// A job whose row is in the caller's transaction. Pass it to `JobQueue.push` after the commit.
package struct EnqueuedJob: Sendable {
    /// The job's id, or that of the open job with the same unique key.
    package let id: JobID
    /// Whether a row was inserted; false if an open job has the same unique key.
    package let isNew: Bool
    /// The row, if it is new.
    let record: JobRecord?
}
