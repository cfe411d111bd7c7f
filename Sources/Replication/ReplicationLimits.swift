/// The named maxima of this target.
package enum ReplicationLimits {
    /// A mapping file of 1,000 objects with 800 fields each stays below it.
    package static let mappingFileBytes = 32 * 1024 * 1024
    /// Postgres cuts longer names (NAMEDATALEN - 1).
    static let identifierBytes = 63
    /// The largest row that fits into a page of Postgres, when all that can be stored elsewhere is (`MaxHeapTupleSize`).
    static let rowBytes = 8_160
    /// The largest text that a btree entry surely takes: 2,704 bytes less its header.
    static let indexedBytes = 2_600
    /// The header line of a page: 5,000 fields with names of 125 characters at the very most, usually 1 KB.
    static let headerBytes = 640 * 1024
    /// From this many records on, a Bulk job costs fewer calls than a query: one page of a query has 2,000 rows.
    package static let bulkThreshold = 2_000
    /// Rows that one page of Bulk results should have: large enough that requests do not count, small enough
    /// that a page which must be loaded again costs little.
    package static let bulkPageRows = 50_000
    /// Pages of one import that are loaded at the same time. Each takes a connection of the cell's pool.
    package static let parallelPages = 2
    /// Pages that all imports of a loop load at the same time: bounds connections and memory.
    package static let concurrentPages = 4
    /// How long an import waits for a connection of a cell: the pages of others hold theirs for minutes.
    static let connectionWait = Duration.seconds(5 * 60)
    /// Tries of one page within one attempt of the job; then the job fails and is retried with its back-off.
    static let pageAttempts = 4
    /// Problems kept with a mapping; the rest is counted.
    static let problems = 200
    /// Rows that are tried together when a refused page is replayed: one bad row costs that many single inserts.
    static let replayBatchRows = 500
    /// Characters of the reason kept with a quarantined row.
    static let reasonCharacters = 1_000
    /// The first pause between two looks at a Bulk job; it grows by half each time.
    static let firstPoll = Duration.milliseconds(100)
    /// The longest pause between two looks.
    static let longestPoll = Duration.seconds(30)
    /// Bulk jobs of small and middling objects are done by then; a slot is not held for longer.
    package static let pollBudget = Duration.seconds(120)
    /// A page of 50,000 wide rows over a slow line; Salesforce itself gives up after 20 minutes.
    static let pageDeadline = Duration.seconds(20 * 60)
    /// A column that is widened while pages load waits this long for its lock, so that a tenant's queries behind it
    /// are not held up, and then tries again.
    static let wideningLockTimeout = Duration.milliseconds(300)
    /// The pause between two tries to widen a column.
    static let wideningPause = Duration.milliseconds(300)
    /// DDL waits no longer than this for a lock on a table, so that it never queues up a tenant's own queries.
    static let lockTimeout = Duration.seconds(5)
    /// `ImportMapping` may run this long: a million wide rows take minutes.
    static let importTimeout = Duration.seconds(6 * 60 * 60)
    /// Calls that an org must have left today before provisioning begins: describes, Bulk jobs and pages of a first
    /// import, with room for the org's other integrations.
    static let callsToBegin = 100
    /// The quota is counted over the last 24 hours, so some of it comes back all the time.
    static let quotaPause = Duration.seconds(15 * 60)
    /// How long a job of a paused tenant waits before it looks again.
    static let pausedPause = Duration.seconds(60)
    /// Our clock and Salesforce's differ; changes of this many seconds before an import are read twice, which does
    /// no harm.
    static let clockMargin: Double = 120
    static let provisionTimeout = Duration.seconds(15 * 60)
    static let jobAttempts = 20
    /// Failures in a row after which an error that may or may not pass ends the job: about an hour and a half.
    static let unclearAttempts = 8
    /// Rows that are read by a query where Bulk fails: all of them are one transaction.
    static let restFallbackRows = 50_000
    /// Rows of an import that may fit no column.
    package static let quarantineRows = 100
    /// The same in percent of all rows; the larger of the two counts.
    package static let quarantinePercent = 1
    /// The longest statement in a cell: a page, or the removal of what a broken import has loaded.
    static let cellStatement = Duration.seconds(30 * 60)
    /// How long a start of an import waits for the sessions of the start before it, which it has ended.
    static let takeOverWait = Duration.seconds(10)
    /// Imports, and steps of the ledger, that one statement of the pruning removes.
    static let pruneBatch = 500
    /// Open notifications of one kind that a tenant has at most.
    static let openNotifications = 200
    /// How long a page waits for the lock to widen a column, before the cells that do not fit are nulled.
    static let wideningWait = Duration.seconds(60)
    /// Tenants or mappings that one sweep for missing jobs marks.
    static let recoveredRows = 200
}
