/// The limits and periods of the queue, each with its reason.
package struct JobsLimits: Sendable {
    /// How long a claim holds without a renewal: a worker that was stopped or cut off is known after this.
    package var lease: Duration = .seconds(10)
    /// Renewals come at a third of the lease, so that two may fail before it is lost.
    package var renewal: Duration { lease / 3 }
    /// How long Redis keeps an entry in flight between its pop and the row's claim, before it is put back.
    package var pop: Duration = .seconds(4)
    /// How often the reconciler looks for what was lost.
    package var reconciliation: Duration = .seconds(5)
    /// How long whoever enqueued a job has to tell Redis of it before the reconciler does.
    package var push: Duration = .seconds(1)
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
    /// How long finished jobs are kept, in days.
    package var keepDays = 7
    /// Connections for claims and renewals alone, beside the one that proves that the worker lives: its jobs
    /// may hold all of their pools' for long.
    package var ownConnections = 1
    /// Rows handled by one statement of the reconciler, so that none holds locks for long.
    package var batch = 500
    /// Starts in a row, without any progress noted, that ended in silence before a job is taken for a poison pill.
    package var crashClaims = 3
    /// The longest error text kept, in characters: what Sidekiq keeps.
    package var errorCharacters = 10_000

    package init() {}
}
