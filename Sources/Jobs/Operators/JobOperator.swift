package import Logging
package import Postgres

/// What operators do: the rows first, in one transaction with the record of who did it, then Redis. If Redis
/// is not told, the workers and the reconciler find out from the rows.
package struct JobOperator: Sendable {
    let pool: PostgresPool
    let queue: JobQueue
    let limits: JobsLimits
    let logger: Logger
    let activity: JobActivityStore
    let pauses: PauseStore
    let weights: TenantWeightStore
    let lists: JobListStore
    let actions: JobActionStore
    let counts: CensusStore
    let periodic: PeriodicStore
    let cache: CensusCache
    /// The classes that workers run.
    let classNames: Set<String>
    /// Called after a job is killed, cancelled, or deleted before it has ended.
    let onDeath: @Sendable (JobRecord, any Error) async -> Void
    /// Called after a job that was dead or cancelled is queued again.
    let onRetry: @Sendable (JobRecord) async -> Void
    /// What of jobs' arguments nobody is shown.
    package let mask: ArgumentMask

    /// Of one loop: pool and queue are that loop's.
    ///
    /// - Parameters:
    ///   - cache: one for all loops of a process.
    ///   - classNames: the classes that workers run, to tell them from misspelled ones.
    ///   - onDeath: called after the commit that kills or cancels a job, or deletes one that has not ended.
    ///   - onRetry: called after the commit that queues a dead or cancelled job again.
    package init(
        pool: PostgresPool, queue: JobQueue, mask: ArgumentMask = ArgumentMask(),
        cache: CensusCache = CensusCache(), classNames: Set<String> = [], limits: JobsLimits = JobsLimits(),
        onDeath: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in },
        onRetry: @escaping @Sendable (JobRecord) async -> Void = { _ in }, logger: Logger
    ) {
        self.pool = pool
        self.queue = queue
        self.limits = limits
        self.logger = logger
        activity = JobActivityStore(limits: limits)
        pauses = PauseStore(limits: limits)
        weights = TenantWeightStore(limits: limits)
        lists = JobListStore(limits: limits, mask: mask)
        counts = CensusStore(limits: limits)
        periodic = PeriodicStore(limits: limits)
        self.cache = cache
        self.classNames = classNames
        self.onDeath = onDeath
        self.onRetry = onRetry
        self.mask = mask
        actions = JobActionStore(limits: limits)
    }
}

extension JobOperator {
    /// Keeps jobs of the scope from being started, from now on. Running ones go on. False when it is paused
    /// already.
    package func pause(_ scope: PauseScope, by actor: String, reason: String? = nil) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await pauses.add(scope, by: actor, reason: reason, on: connection) else { return false }
            try await note("jobs.pause", scope, by: actor, detail: reason, on: connection)
            return true
        }
    }

    /// What to tell an operator who pauses a queue or a class of which nothing is known; nil when it is known.
    package func warning(about scope: PauseScope) async throws -> String? {
        if case .tenant = scope { return nil }
        let store = KnownNamesStore(limits: limits)
        var known = try await pool.withConnection { try await store.find(on: $0) }
        known.queues.insert(LaneName.defaultQueue)
        known.classes.formUnion(classNames)
        return known.warning(about: scope)
    }

    /// Ends a pause; false when there is none. Held jobs are queued again: some at once, the rest of a long
    /// backlog by the reconciler.
    package func resume(_ scope: PauseScope, by actor: String) async throws -> Bool {
        let isEnded = try await pool.transaction { connection in
            guard try await pauses.remove(scope, on: connection) else { return false }
            try await note("jobs.resume", scope, by: actor, detail: nil, on: connection)
            return true
        }
        guard isEnded else { return false }
        for _ in 0..<limits.releasedBatches {
            let released = try await pool.withConnection { try await pauses.release(on: $0) }
            await queue.push(released)
            guard released.count == limits.batch else { break }
        }
        return true
    }

    /// The pauses, the oldest first.
    package func pausedScopes() async throws -> [JobPause] {
        try await pool.withConnection { try await pauses.list(on: $0) }
    }

    private func note(
        _ action: String, _ scope: PauseScope, by actor: String, detail: String?,
        on connection: PostgresConnection
    ) async throws {
        let text = detail.map { "\(scope): \($0)" } ?? scope.key
        if case .tenant(let id) = scope {
            try await activity.note(action, by: actor, organization: id, detail: text, on: connection)
        } else {
            try await activity.note(action, by: actor, detail: text, on: connection)
        }
        logger.notice(
            "an operator acted", metadata: ["actor": "\(actor)", "action": "\(action)", "on": "\(text)"])
    }
}
