/// The limits and periods of the queue.
package struct JobsLimits: Sendable {
    // MARK: Claims

    /// How long a claim lasts without renewal. A stopped or partitioned worker is lost after this time.
    package var lease: Duration = .seconds(10)
    /// The interval of renewals: two can fail before the lease ends.
    package var renewal: Duration { lease / 3 }
    /// How long Redis keeps a popped entry for the claim of its row. A slower claim causes a duplicate entry,
    /// which is harmless; a worker killed in between delays the job by this time.
    package var inFlight: Duration = .seconds(2)
    /// How long an idle worker waits for a wake token before it claims anyway.
    package var wakeWait: Duration = .seconds(1)
    /// How often an idle worker asks Postgres while Redis is unavailable.
    package var poll: Duration = .milliseconds(500)
    /// The longest pause between tries while Postgres is unavailable.
    package var longestBackoff: Duration = .seconds(5)
    /// Crashes in a row, without any progress reported, after which a job is dead.
    package var crashClaims = 3
    /// Connections that only claims and renewals use, so that running jobs cannot starve them.
    package var ownConnections = 1

    // MARK: Claiming ahead

    /// For each run that is shorter, the worker claims one job ahead of a free slot: a claim takes about this
    /// time.
    package var shortRun: Duration = .milliseconds(1)
    /// The most jobs claimed ahead, per slot.
    package var claimedAhead = 4
    /// How long a job claimed ahead waits for a slot before it is requeued.
    package var aheadWait: Duration = .milliseconds(10)

    // MARK: Ends

    /// How long the first end waits for others, so that one statement records them. Until then a crash makes
    /// the job run again.
    package var endBatching: Duration = .milliseconds(2)
    /// No job is claimed while more ends are unrecorded. All of them run again after a crash.
    package var unrecordedEnds = 500
    /// How long running jobs may continue after a stop. Heroku kills after 30 s.
    package var drain: Duration = .seconds(22)
    /// How long interrupted jobs may take to end before they are requeued.
    package var grace: Duration = .seconds(2)

    // MARK: Calls

    /// The deadline of a statement.
    package var statement: Duration = .seconds(10)
    /// The deadline of a script in Redis. Short, because workers can claim without Redis.
    package var script: Duration = .seconds(2)
    /// Rows per statement of maintenance, so that none holds locks for long.
    package var batch = 500

    // MARK: Maintenance

    /// The interval of the reconciler.
    package var reconciliation: Duration = .seconds(5)
    /// How long an action on Sidekiq's pages may take between its two transactions. An entry that is missing
    /// for longer is lost.
    package var pageAction: Duration = .milliseconds(250)
    /// Interval between searches for lost workers.
    package var livenessCheck: Duration = .seconds(1)
    /// How long a worker's session lock may be missing: it may be reconnecting.
    package var sessionLoss: Duration = .seconds(2)
    /// Interval between full sweeps for orphaned running jobs.
    package var sweepPause: Duration = .seconds(60)
    /// Open rows that one pass of the sweep reads.
    package var sweepRows = 10_000
    /// How long the reconciler waits for the process that enqueued a job to push it.
    package var pushDelay: Duration = .seconds(1)
    /// How long a pass of the reconciler may spend on each step that may have a million rows to process.
    package var passStep: Duration = .seconds(1)
    /// Open rows per statement that marks them as not pushed, after Redis lost its memory.
    package var repushRows = 1000
    /// Dead jobs that are pushed after Redis lost its memory: Sidekiq's own limits of number and days.
    package var shownDead = (count: 10_000, days: 180)

    // MARK: History

    /// Rows that one statement of pruning removes.
    package var pruneBatch = 1000
    /// Batches of pruning between two progress reports.
    package var pruneReport = 20
    /// How long a deleted job's id is kept, in days: as long as Redis may hold an entry of it.
    package var tombstoneDays = 30
    /// The longest error text, in characters: what Sidekiq keeps.
    package var errorCharacters = 10_000

    // MARK: Lists and actions

    /// Where counting stops.
    package var countedRows = 20_000
    /// The number of jobs at which the census stops counting a state.
    package var censusRows = 10_000
    /// The jobs of a state that the census groups by queue and class: this reads rows, not only an index.
    package var groupedRows = 2_000
    /// The same for pages that show states and suggest names.
    package var sampledRows = 500
    /// Rows of the first scan of a list. Each further scan reads four times as many, up to `countedRows`.
    package var firstScan = 500
    /// The same for a search with little time: a scan of so many rows takes a few milliseconds.
    package var quickScan = 4_000
    /// A search with less time than this makes only such scans.
    package var quickTime: Duration = .milliseconds(200)
    /// Rows of a list that belongs to one job or one page.
    package var shownRows = 1000
    /// Attempts that a job's page shows.
    package var shownAttempts = 100
    /// Characters of arguments, error and progress that a job's page shows.
    package var shownCharacters = 100_000
    /// The interval of progress reports of an action on many jobs.
    package var report: Duration = .seconds(2)
    /// Batches of held jobs that the end of a pause queues at once, so that it answers soon.
    package var releasedBatches = 20
    /// How many entries of a lane a removal searches, beginning with the one that is popped next.
    package var searchedEntries = 5000

    // MARK: Periodic jobs

    /// How late a tick may run without being missed: all workers may be starting.
    package var tickTolerance: Duration = .seconds(60)
    /// How often a worker registers the program's periodic jobs.
    package var periodicRegistration: Duration = .seconds(3600)
    /// How long a periodic job that no worker registers is kept: two versions run side by side during a
    /// deploy.
    package var periodicExpiry: Duration = .seconds(86_400)

    // MARK: Other clients of Redis

    /// The largest payload that becomes an external job.
    package var externalPayloadBytes = 1 << 20
    /// Characters that are kept of a payload that is not a job.
    package var malformedCharacters = 10_000
    /// Interval between searches for lanes that other clients created.
    package var laneScan: Duration = .seconds(1)
    /// Entries of a sorted set, or rows, per comparison.
    package var comparedRows = 500
    /// How long comparisons continue before a pause. There is no pause while they find differences.
    package var comparisonTurn: Duration = .milliseconds(100)

    package init() {}
}
