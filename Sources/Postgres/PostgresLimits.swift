/// The named bounds of this target.
package enum PostgresLimits {
    /// Longest wait for an answer when the caller gives no deadline. Merges and index builds of big tables
    /// take minutes; nothing may wait for ever on a server that died without a word.
    package static let answer: Duration = .seconds(600)
    /// Longest time to connect when the caller gives no deadline.
    package static let connect: Duration = .seconds(10)
    /// After a cancelled query: how long the connection may take to become usable before it is dropped.
    package static let drain: Duration = .seconds(5)
    /// Prepared statements per connection. Each costs memory in the backend (some 10 to 100 kB), and
    /// statements that name a tenant's schema are as many as there are tenants.
    package static let preparedStatements = 128
    /// Statements remembered as seen, to prepare only what comes again.
    package static let seenStatements = 512
    /// A statement is prepared when it is sent for this time: one-off statements cost one round trip.
    package static let preparesAtUse = 2
    /// Parameters per statement: a 16-bit count in the protocol.
    package static let parameters = 65_535
    /// Bytes handed to libpq before its output buffer has to be empty again; the bound of what a COPY or a
    /// pipeline holds back. 128 KiB filled the loopback socket in measurements; more gained nothing.
    package static let outputBytes = 128 * 1024
    /// COPY OUT hands rows out in chunks of about this size: one array per row would dominate the cost.
    package static let copyChunkBytes = 64 * 1024
    /// Statements per pipeline: their results are all held in memory.
    package static let pipelineStatements = 10_000
    /// How often a waiting migrator asks again for the lock. A blocking wait would hold a snapshot, and
    /// `create index concurrently` of the process that has the lock waits for every snapshot.
    package static let migrationLockPoll: Duration = .milliseconds(100)
    /// How long a migrator waits for another one to finish.
    package static let migrationLock: Duration = .seconds(600)
    /// How long one statement of a migration may wait for a lock: behind it, everybody else waits too.
    package static let migrationLockTimeout = "30s"
    /// Bytes of one migration file; a slip (a dump in the directory) is told before it is run.
    package static let migrationBytes = 4 * 1024 * 1024
}
