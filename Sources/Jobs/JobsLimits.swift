/// The limits and periods of the queue, each with its reason.
package struct JobsLimits: Sendable {
    /// How long a claim holds without a renewal: a worker that was stopped or cut off is known after this.
    package var lease: Duration = .seconds(10)
    /// Renewals come at a third of the lease, so that two may fail before it is lost.
    package var renewal: Duration { lease / 3 }
    /// How long Redis keeps an entry in flight between its pop and the row's claim, before it is put back. A claim
    /// that takes longer costs a duplicate, which does no harm; a worker killed between the two costs this time.
    package var pop: Duration = .seconds(2)
    /// How often the reconciler looks for what was lost.
    package var reconciliation: Duration = .seconds(5)
    /// How long after all open rows were looked through for running jobs that no recorded claim names the look begins
    /// again: there should be none.
    package var slowLook: Duration = .seconds(60)
    /// Open rows that one pass looks through for them: some milliseconds.
    package var stretchRows = 10_000
    /// How long whoever enqueued a job has to tell Redis of it before the reconciler does.
    package var push: Duration = .seconds(1)
    /// How long one pass of the reconciler may take for each thing of which there may be a million: to forget that Redis
    /// was told, to note that it was, to tell it. Lost jobs are looked for between two passes.
    package var telling: Duration = .seconds(1)
    /// How long a worker's session may be missing: it may be between two connections.
    package var silence: Duration = .seconds(2)
    /// How often workers whose session has ended are looked for.
    package var livenessCheck: Duration = .seconds(1)
    /// How long a fetcher waits for a wake token: a lost token costs no more than this.
    package var wake: Duration = .seconds(1)
    /// How often Postgres is asked for work while Redis does not answer.
    package var poll: Duration = .milliseconds(500)
    /// The longest pause between two tries while Postgres does not answer.
    package var longestPause: Duration = .seconds(5)
    /// A deadline for one statement of the queue.
    package var call: Duration = .seconds(10)
    /// A deadline for one script in Redis. Short: without Redis there is another way.
    package var script: Duration = .seconds(2)
    /// How long running jobs may go on after a stop; Heroku kills after 30 s, and the hand-back needs some.
    package var drain: Duration = .seconds(22)
    /// How long jobs that were asked to end may take to do so, before their claim is given back anyway.
    package var grace: Duration = .seconds(2)
    /// Rows that one statement of the pruning removes: some ten milliseconds of work.
    package var pruneBatch = 1000
    /// Batches of the pruning between two notes of its progress.
    package var pruneReport = 20
    /// Connections for claims and renewals alone, beside the one that proves that the worker lives: its jobs
    /// may hold all of their pools' for long.
    package var ownConnections = 1
    /// Dead jobs that Redis is told of after it lost its memory: as many as Sidekiq keeps, and for as many days.
    package var shownDead = (count: 10_000, days: 180)
    /// How long the first good end waits for others, so that one statement records them. A job that is not on
    /// record runs again if its worker dies: short.
    package var gathering: Duration = .milliseconds(2)
    /// Good ends that are not recorded yet while jobs are taken: some tens of milliseconds of short jobs. All of
    /// them run again if the worker dies.
    package var unrecordedEnds = 500
    /// Open rows of which one statement forgets that Redis was told of them: a tenth of a second.
    package var forgottenRows = 1000
    /// A run that is shorter lets the worker claim another job ahead of a free slot: a claim takes about as long.
    package var shortRun: Duration = .milliseconds(1)
    /// Jobs claimed ahead at most, for each slot.
    package var claimedAhead = 4
    /// How long a job claimed ahead waits for a slot before it goes back to its lane.
    package var patience: Duration = .milliseconds(10)
    /// Rows handled by one statement of the reconciler, so that none holds locks for long.
    package var batch = 500
    /// Starts in a row, without any progress noted, that ended in silence before a job is taken for a poison pill.
    package var crashClaims = 3
    /// The longest error text kept, in characters: what Sidekiq keeps.
    package var errorCharacters = 10_000
    /// Where counting stops: enough to judge by, and some milliseconds.
    package var countedRows = 20_000
    /// How often an action on many jobs says how far it has come.
    package var report: Duration = .seconds(2)
    /// Where counting of a state stops when all states are counted, queue by queue and class by class.
    package var censusRows = 10_000
    /// Rows that a list looks at first; each further look is four times as long, up to `countedRows`.
    package var firstLooks = 500
    /// Lanes at once, each a queue on Sidekiq's pages (its page of 1,000 takes 0.2 s); tenants beyond share lanes.
    static let lanes = 2000
    /// Lanes that those tenants share, of each queue.
    static let sharedLanes = 64
    /// Entries that leave a shared lane in its turn when there is room for lanes again: less than a millisecond.
    static let spreadEntries = 16
    /// Entries that one claim takes at most. A script hands a command some 8,000 values, two of them for an entry, and
    /// one that fails there has lost what it popped.
    static let takenEntries = 2000
    /// Entries of classes that have as many as they may which let others of their lane pass.
    static let passedEntries = 15
    /// Lanes with nothing but such entries that one claim looks at; the next claim looks at the next.
    static let fullLanes = 64
    /// Entries of a lane that are looked through for one that is to be removed, the next ones first.
    package var searchedEntries = 5000
    /// How long a deleted job's id is remembered, in days: as long as Redis may hold an entry of it.
    package var tombstoneDays = 30
    /// Rows of a list that belongs to one job or one page.
    package var shownRows = 1000
    /// Attempts that the page of a job shows: the latest.
    package var shownAttempts = 100
    /// Characters of arguments, of an error and of a progress that the page of a job shows.
    package var shownCharacters = 100_000
    /// Batches of held jobs that ending a pause queues by itself, so that it answers soon.
    package var releasedBatches = 20

    /// The largest payload of another client that is taken for a job: its row and its entry are read whole.
    package var foreignPayloadBytes = 1 << 20
    /// How much of another client's text that is no job is kept, in characters.
    package var malformedCharacters = 10_000
    /// How late a tick of a periodic job may be and is not missed: all workers may just be starting.
    package var tickTolerance: Duration = .seconds(60)
    /// How often a worker says which periodic jobs are part of the program.
    package var periodicRegistration: Duration = .seconds(3600)
    /// How long a periodic job stays that no worker has spoken for: versions run side by side during a deploy.
    package var periodicMemory: Duration = .seconds(86_400)
    /// How often queues that other clients pushed to are looked for.
    package var adoption: Duration = .seconds(1)
    /// Entries of a sorted set, and rows, that one look compares.
    package var comparison = 500
    /// How long looks go on in one turn: short, for most find nothing. As long as they find something, turn follows
    /// turn.
    package var comparisonTurn: Duration = .milliseconds(100)

    package init() {}
}
