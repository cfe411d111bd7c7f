/// A job whose row is in the caller's transaction. After the commit it is given to `JobQueue.push`.
package struct EnqueuedJob: Sendable {
    /// Its id; that of the open job when one with the same unique key is there already.
    package let id: JobID
    /// Whether a row was inserted: false when an open job has the same unique key.
    package let isNew: Bool
    /// What Redis is told, when the row is new.
    let record: JobRecord?
}
