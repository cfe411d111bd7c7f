/// The named maxima of repairs, verifications and formula refreshes.
package enum RepairLimits {
    /// A mapping that is only polled is repaired this many times as often: polls do not see hard deletes.
    static let polledFactor = 4
    /// Time between two refreshes of a mapping's formula and roll-up fields.
    static let formulaInterval = Duration.seconds(24 * 60 * 60)
    /// The shortest time between two refreshes that a mapping can set, in seconds.
    static let shortestFormulaSeconds = 600
    /// Jobs of each kind that one run of the schedule enqueues.
    package static let scheduledJobs = 60
    /// Repairs and refreshes that a worker runs at once. They may take long, and nothing waits for them.
    static let concurrentJobs = 1
    /// A read of a million ids, or a retrieve of thousands, takes minutes.
    static let jobTimeout = Duration.seconds(2 * 60 * 60)
    static let jobAttempts = 8
    /// This many rows that the org lacks may be removed without an operator's consent.
    static let removableRows = 100
    /// The same as a percentage of the table's rows. The larger of the two counts.
    static let removablePercent = 1
    /// Ids in one query. A query by `GET` has room for about 300.
    static let idsPerQuery = 200
    /// Ids that one transaction puts into `rereads`.
    static let rereadBatch = 1_000
    /// Records that are read again by id. A reload costs fewer calls for more of them.
    static let rereads = 20_000
    /// Columns that one read compares: rows of a temporary table have at most 8 KB of short texts.
    static let columnsPerRead = 150
    /// Differences of rows that changed during a read and are compared a second time.
    static let recheckedRows = 20_000
    /// Examples of each column in the result.
    package static let examples = 10
    /// Characters of an example's value.
    static let exampleCharacters = 200
    /// Time before rows that changed during a read are compared a second time.
    package static let settleTime = Duration.seconds(5)
    /// A row that an event wrote has the event's commit time until a poll brings the exact SystemModstamp.
    /// Within this time a later stamp is no difference.
    static let inexactSeconds: Double = 3_600
    /// The longest wait of `verify --repair` for the records that are read again.
    package static let repairWait = Duration.seconds(300)
    /// The interval of checks whether requested records were read again.
    static let repairPoll = Duration.milliseconds(200)
    /// The longest statement that compares a table with the rows of the org.
    static let compareTimeout = Duration.seconds(30 * 60)
}
