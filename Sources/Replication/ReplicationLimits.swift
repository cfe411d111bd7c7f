/// The named maxima of this target.
package enum ReplicationLimits {
    /// The header line of a page: at most 5,000 fields with names of 125 characters, usually 1 KB.
    static let headerBytes = 640 * 1024
    /// The number of records from which a Bulk job costs fewer calls than a query: one page of a query has
    /// 2,000 rows.
    package static let bulkThreshold = 2_000
    /// Rows of a page of Bulk results. Large enough that requests cost little, small enough that loading a
    /// page again costs little.
    package static let bulkPageRows = 50_000
    /// Pages of one import that are loaded at the same time. Each takes a connection of the cell's pool.
    package static let parallelPages = 4
    /// Pages that all imports of a loop load at the same time. Bounds connections and memory.
    package static let concurrentPages = 4
    /// The longest wait for a connection of a cell: other imports hold theirs for minutes.
    static let connectionWait = Duration.seconds(5 * 60)
    /// Tries of one page within one start of the job. Then the start fails and is retried with back-off.
    static let pageAttempts = 4
    /// Rows of a refused page that are inserted together. One bad row costs that many single inserts.
    static let replayBatchRows = 500
    /// Characters of a stored reason.
    static let reasonCharacters = 1_000
    /// The first pause between two checks of a Bulk job. Each pause is a fifth longer.
    static let firstPoll = Duration.milliseconds(100)
    /// The longest pause between two checks.
    static let longestPoll = Duration.seconds(30)
    /// Bulk jobs of small and medium objects are complete by then. A longer wait would hold the slot.
    package static let pollBudget = Duration.seconds(120)
    /// A page of 50,000 wide rows over a slow line. Salesforce itself gives up after 20 minutes.
    static let pageDeadline = Duration.seconds(20 * 60)
    /// The wait for the lock to widen a column while pages load. Short, because the tenant's queries queue
    /// behind it.
    static let wideningLockTimeout = Duration.milliseconds(300)
    /// The pause between two tries to widen a column.
    static let wideningPause = Duration.milliseconds(300)
    /// The time in which a page tries to widen a column. Then it nulls the cells that do not fit.
    static let wideningWait = Duration.seconds(60)
    /// The longest wait of DDL for a lock on a table. Short, because the tenant's queries queue behind it.
    static let lockTimeout = Duration.seconds(5)
    /// A million wide rows take minutes.
    static let importTimeout = Duration.seconds(6 * 60 * 60)
    /// API calls that an org must have left today before provisioning begins: enough for the describes, Bulk
    /// jobs and pages of a first import.
    static let callsToBegin = 100
    /// The pause before a job of a paused tenant starts again.
    static let pausedPause = Duration.seconds(60)
    /// Changes of this many seconds before an import are read again, because our clock and Salesforce's
    /// differ. Reading them twice does no harm.
    static let clockMargin: Double = 120
    static let provisionTimeout = Duration.seconds(15 * 60)
    static let jobAttempts = 20
    /// Failures in a row after which a job with an unclear error is given up: about an hour and a half.
    static let unclearAttempts = 8
    /// The most rows that a query reads in place of a failed Bulk job: they are one transaction.
    static let restFallbackRows = 50_000
    /// Rows of an import that may be quarantined.
    package static let quarantineRows = 100
    /// The same as a percentage of all rows. The larger of the two counts.
    package static let quarantinePercent = 1
    /// The longest statement in a cell: loading a page, or removing the rows of an import.
    package static let cellStatement = Duration.seconds(30 * 60)
    /// How long a start of an import waits for the end of the previous start's sessions, which it has
    /// terminated.
    static let takeOverWait = Duration.seconds(10)
    /// Imports, or steps of the ledger, that one statement of the pruning deletes.
    static let pruneBatch = 500
    /// The most open notifications of one kind per tenant.
    static let openNotifications = 200
    /// Tenants or mappings that one sweep for missing jobs marks.
    static let recoveredRows = 200
    /// How long a row's change is remembered for reads that may be older, at least.
    package static let recentChangeAge = Duration.seconds(15 * 60)
    /// A read that has not been renewed for this long is lost.
    package static let lostReadAge = Duration.seconds(60 * 60)
    /// A read that was sent this long after a change was applied cannot be older than the change.
    package static let readMargin = Duration.seconds(10)
    /// Records that are read again with one query.
    package static let rereadBatch = 200
    /// The first pause before a row that the database refused is read again. Each pause is twice as long.
    package static let refusedPause = Duration.seconds(60)
    /// The longest pause before a refused row is read again.
    package static let longestRereadPause = Duration.seconds(6 * 60 * 60)
    /// The pause before a record is read again whose row another session has locked.
    package static let lockedPause = Duration.seconds(2)
    /// The wait of a merge for locked rows. Less than `deadlock_timeout` (1 s), so that the application is
    /// never the victim of a deadlock.
    package static let mergeLockTimeout = Duration.milliseconds(500)
    /// Seconds by which SystemModstamp of a row may be later than the cell's clock: the clocks differ.
    static let stampsAhead: Double = 3_600
    /// Rows of a page that are merged in one transaction.
    package static let mergeChunkRows = 5_000
    /// The pause before a record with a nulled cell is read again, in which its column may be altered.
    static let driftPause = Duration.seconds(15 * 60)

    /// The time in which one alteration of a table tries to get its lock. Then the next check tries it.
    static let alterationWait = Duration.seconds(10)
    /// The longest alteration that rewrites a table, which is locked meanwhile.
    static let alterationTime = Duration.seconds(60)
    /// The interval between two checks of an org's schema. Each costs a call, also if nothing changed.
    package static let schemaCheckInterval = Duration.seconds(10 * 60)
    /// The shortest interval between two checks that errors or events of the org cause.
    package static let urgentCheckInterval = Duration.seconds(60)
    /// Jobs of a worker that fill columns at the same time: imports and short jobs need the other slots.
    static let concurrentBackfills = 1
    /// The longest run of a job that fills columns.
    static let backfillTimeout = Duration.seconds(6 * 60 * 60)
    /// The longest run of a job that imports a mapping file.
    static let mappingImportTimeout = Duration.seconds(60 * 60)
    /// The longest run of a job that removes a mapping.
    static let mappingRemovalTimeout = Duration.seconds(5 * 60)
    /// The longest wait of a merge for another merge of the same mapping.
    static let mergeWait = Duration.seconds(60)
    /// Rows that `RowMerger` merges together for a page.
    static let mergeBatchRows = 1_000
    /// Rows that a reload may miss without stopping. The larger of the two counts.
    static let missingRows = 100
    /// The same as a percentage of the table's rows.
    static let missingPercent = 1
    /// Missing rows of a filtered table whose records one step looks up without the filter.
    static let unmatchedBatch = 2_000
    /// The import after provisioning uses the new table's plan for this time.
    static let planAge = Duration.seconds(120)
    /// Plans that a process keeps for `planAge`.
    static let recentPlans = 4_096
    /// How long a person's command waits for the transactions of a tenant's lease holder: longer than most
    /// pages take.
    static let fenceLockTimeout = Duration.seconds(60)
}
