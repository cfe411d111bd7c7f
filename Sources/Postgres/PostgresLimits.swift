/// The limits of this target.
package enum PostgresLimits {
    /// Maximum wait for an answer without a deadline. Merges and index builds of big tables take minutes, but
    /// no wait may last forever if a server dies silently.
    package static let answer: Duration = .seconds(600)
    /// Maximum time to connect without a deadline.
    package static let connect: Duration = .seconds(10)
    /// After a cancelled query: time for the connection to become ready before it is closed.
    package static let drain: Duration = .seconds(5)
    /// Prepared statements of a connection. Each costs memory in the backend (some 10 to 100 kB), and each
    /// tenant's schema has its own statements.
    package static let preparedStatements = 128
    /// Statements remembered as seen, because only repeated ones are prepared.
    package static let seenStatements = 512
    /// The statement is prepared when it is sent for this time: a single use costs one round trip.
    package static let preparesAtUse = 2
    /// Parameters of a statement: the protocol has a 16-bit count.
    package static let parameters = 65_535
    /// Bytes passed to libpq before its output buffer must be empty again, for a COPY or a pipeline. 128 KiB
    /// filled the loopback socket in measurements; a larger size was not faster.
    package static let outputBytes = 128 * 1024
    /// COPY OUT returns rows in chunks of about this size: one array for each row would dominate the cost.
    package static let copyChunkBytes = 64 * 1024
    /// Statements of a pipeline: all their results are in memory.
    package static let pipelineStatements = 10_000
    /// Interval at which a waiting migrator tries the lock. A blocking wait would hold a snapshot, and
    /// `create index concurrently` of the migrating process waits for every snapshot.
    package static let migrationLockPoll: Duration = .milliseconds(100)
    /// Maximum wait of a migrator for another one.
    package static let migrationLock: Duration = .seconds(600)
    /// Maximum wait for a lock of one statement of a migration: other sessions queue behind it.
    package static let migrationLockTimeout = "30s"
    /// Bytes of one migration file. A mistake (a dump in the directory) is reported before it is run.
    package static let migrationBytes = 4 * 1024 * 1024
}
