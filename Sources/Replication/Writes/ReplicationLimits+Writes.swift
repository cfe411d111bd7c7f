/// The named maxima of writing users' changes.
extension ReplicationLimits {
    /// Entries of the log that one query reads.
    package static let writeReadRows = 2_000
    /// Entries of one tenant in memory. More are read when some of these have ended.
    package static let writeQueueRows = 20_000
    /// Waiting entries below which more are read.
    static let writeLowRows = 4_000
    /// Waiting rows from which commits of the application need no NOTIFY.
    static let drainRows = 1_000
    /// Records of one request: Salesforce's maximum for sObject Collections.
    package static let writeRowsPerCall = 200
    /// Rows that are prepared in a row. Then other tasks of the loop run.
    static let preparedInRow = 200
    /// The longest wait for the answer to a write. Salesforce ends requests after 10 minutes.
    package static let writeDeadline = Duration.seconds(630)
    /// A request with writes that runs when the worker stops gets this time to end. Then its outcome is
    /// looked up later.
    static let writeStopWait = Duration.seconds(10)
    /// The interval of looks at the log of a tenant with recent changes, for changes without NOTIFY.
    package static let activeLogPoll = Duration.seconds(2)
    /// The same for other tenants.
    package static let idleLogPoll = Duration.seconds(30)
    /// A tenant has recent changes for this time after the last one.
    package static let writeLinger = Duration.seconds(60)
    /// Tries of a row that fails for a reason that passes, such as a locked record.
    package static let writeAttempts = 10
    /// The first pause after such a failure. Each further pause is twice as long.
    static let firstWritePause = Duration.seconds(1)
    /// The longest pause before a row or a request is tried again.
    static let longestWritePause = Duration.seconds(5 * 60)
    /// The pause before results are stored again whose rows another session has locked.
    static let recordPause = Duration.milliseconds(200)
    /// The longest pause before results are stored again.
    static let longestRecordPause = Duration.seconds(5)
    /// Writes that stand still for this long are reported to operators.
    package static let writeStandstill = Duration.seconds(60)
    /// The interval of looks for proof that a request without an answer succeeded.
    static let settleLook = Duration.seconds(10)
    /// The first pause after a look-up that failed. Each further pause is twice as long.
    static let settlePause = Duration.seconds(5)
    /// The age up to which an object's description is used for writes.
    static let layoutAge = Duration.seconds(60 * 60)
    /// Objects whose descriptions one loop keeps for writes.
    static let keptLayouts = 500
    /// The interval of archiving a tenant's log while it has changes.
    package static let archiveInterval = Duration.seconds(60)
    /// The interval of counting a tenant's waiting changes while it has some.
    package static let backlogInterval = Duration.seconds(20)
    /// The pause before the last count, after a tenant's last change was written.
    static let lastBacklogPause = Duration.seconds(3)
    /// Waiting changes per state that are counted.
    package static let countedBacklog = 10_000
    /// A number that is older was counted by a lease holder that counts no more.
    static let backlogAge = Duration.seconds(90)
    /// Tenants whose waiting changes one step of the periodic job counts.
    static let backlogBatch = 500
    /// Entries of the log that one transaction archives or removes.
    static let archiveRows = 5_000
    /// FAILED inserts that are read at the start: they block the rows that depend on them.
    static let failedInsertRows = 10_000
    /// The pause between two looks at the state of a Bulk job with writes.
    static let firstIngestPoll = Duration.milliseconds(200)
    /// The longest such pause.
    static let longestIngestPoll = Duration.seconds(15)
}
