/// The named maxima of reading changes.
extension ReplicationLimits {
    /// A record becomes visible at most this long after its SystemModstamp: long transactions. Polls read
    /// this far behind the time mark.
    package static let lateWindow = Duration.seconds(5 * 60)
    /// Beside events a poll only brings what events do not carry, so it runs this many times less often.
    package static let pollFactorBesideEvents = 6
    /// The longest pause between two polls beside events.
    package static let longestPollInterval = Duration.seconds(60 * 60)
    /// The longest pause after failed polls.
    package static let longestPollPause = Duration.seconds(60 * 60)
    /// The first pause after a failed poll or re-read. Each further pause is twice as long.
    package static let firstPollPause = Duration.seconds(10)
    /// Changed records from which a poll uses a Bulk job: Heroku Connect's threshold.
    package static let pollBulkThreshold = 10_000
    /// Pages of a poll at once: one is merged while the next arrives.
    static let pollPages = 2
    /// The longest wait for the Bulk job of a poll. Then it is aborted.
    static let bulkPollDeadline = Duration.seconds(2 * 60 * 60)
    /// The pause before requested records of a mapping that is not imported, or paused, are due again.
    static let unknownMappingPause = Duration.seconds(10 * 60)
    /// The pause before records are read again that may be hidden from the user.
    static let hiddenPause = Duration.seconds(15 * 60)
    /// How long an answer about the user's rights is used.
    static let rightsAge = Duration.seconds(60)
    /// The pause before children of a deleted record are read again. Their own events come in this time,
    /// and a read after `readMargin` needs no second one.
    static let relatedPause = readMargin + .seconds(1)
    /// The longest wait for the deletion of a poll's Bulk job. A stop waits for it.
    static let bulkDeletion = Duration.seconds(5)
    /// Messages of a stream that one transaction applies.
    package static let eventsPerTransaction = 500
    /// Tries to apply events after which the tenant's reading is started again.
    static let applyAttempts = 6
    /// Rows up to which a table is searched for children of a deleted record without an index.
    static let unindexedChildRows = 20_000
    /// The pause between two reads of the org's event channels and of its allowance of delivered events.
    package static let streamPlanInterval = Duration.seconds(60 * 60)
    /// The same while the allowance of delivered events is short.
    static let shortAllowanceInterval = Duration.seconds(15 * 60)
    /// The shortest time between an early poll and the poll before.
    package static let earlyPollPause = Duration.seconds(10)
    /// How long the first polls wait for the first plan of the stream.
    static let planWait = Duration.seconds(1)
    /// How long the first polls wait for the stream's first connection.
    package static let streamStartWait = Duration.seconds(20)
    /// A stream that is not connected for this long is reported to operators.
    package static let streamOutage = Duration.seconds(5 * 60)
    /// An end of a stream that was connected for this long is the first of its failures.
    package static let streamSettled = Duration.seconds(60)
    /// A polled change of this age should have come as an event.
    package static let eventDelay = Duration.seconds(120)
    /// The share of the delivered events below which the busiest object is polled instead.
    package static let deliveredLow = 0.20
    /// The share above which a polled object returns to events.
    package static let deliveredReturn = 0.50
    /// The share below which all objects are polled.
    package static let deliveredStop = 0.05
    /// The pause between two queries for work that other processes requested.
    package static let watchPeriod = Duration.seconds(2)
    /// The time from one full read of an object without a time of change to the next.
    package static let reloadWithoutCursor = Duration.seconds(24 * 60 * 60)
    /// The pause between two looks whether an open request for a reload needs another job.
    package static let reloadCheck = Duration.seconds(15)
    /// The pause before an unfinished reload is enqueued again. Each further pause is twice as long.
    package static let reloadRetry = Duration.seconds(60 * 60)
    /// The longest of these pauses.
    static let longestReloadRetry = Duration.seconds(24 * 60 * 60)
    /// The pause between two checks that a tenant's schema is complete. Work that has run for so long has
    /// no earlier failures.
    package static let healthInterval = Duration.seconds(5 * 60)
    /// The pause between two readings of the API calls of mappings with a maximum.
    package static let capInterval = Duration.seconds(5 * 60)
    /// Failures of a tenant's work in a row from which its connection shows it.
    static let troubleFailures = 3
    /// Tries to reach a cell before its tenants show that it does not answer.
    static let cellChecks = 3
    /// The longest wait for the answer of a cell.
    static let cellAnswer = Duration.seconds(10)
    /// The pause between two prunings of a tenant's recent changes.
    static let pruneInterval = Duration.seconds(5 * 60)
    /// The pause after a failed upgrade of a tenant's system tables: the application held their locks.
    static let upgradePause = Duration.seconds(60)
}
