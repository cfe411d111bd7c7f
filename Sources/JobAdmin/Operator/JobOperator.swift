internal import Activity
package import JobIndex
package import Jobs
package import Logging
package import Postgres

/// Operators' lists and actions. An action changes the rows and records the operator in one transaction, then
/// updates Redis. If that fails, the workers and the reconciler follow the rows.
package struct JobOperator: Sendable {
    let pool: PostgresPool
    let queue: JobQueue
    let index: QueueIndex?
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
    /// The classes that workers can run.
    let classNames: @Sendable () -> Set<String>?
    /// Called after a job is killed, cancelled, or deleted before it has ended.
    let onGivenUp: @Sendable (JobRecord, any Error) async -> Void
    /// Called after a job that was dead or cancelled is queued again.
    let onRetry: @Sendable (JobRecord) async -> Void
    /// Hides secret arguments.
    package let mask: ArgumentMask

    /// - Parameters:
    ///   - pool: of one loop, as the queue and the index.
    ///   - index: nil leaves Redis to the reconciler.
    ///   - cache: one for all loops of a process.
    ///   - classNames: the classes that workers can run; nil if they are not known. A pause of another class
    ///     causes a warning.
    ///   - onGivenUp: called after the commit that kills or cancels a job, or deletes an open one.
    ///   - onRetry: called after the commit that retries a dead or cancelled job.
    package init(
        pool: PostgresPool, queue: JobQueue, index: QueueIndex? = nil, mask: ArgumentMask = ArgumentMask(),
        cache: CensusCache = CensusCache(), classNames: @escaping @Sendable () -> Set<String>? = { [] },
        limits: JobsLimits = JobsLimits(),
        onGivenUp: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in },
        onRetry: @escaping @Sendable (JobRecord) async -> Void = { _ in }, logger: Logger
    ) {
        self.pool = pool
        self.queue = queue
        self.index = index
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
        self.onGivenUp = onGivenUp
        self.onRetry = onRetry
        self.mask = mask
        actions = JobActionStore(limits: limits)
    }
}

extension JobOperator {
    /// Pauses a scope: its jobs do not start. Running jobs continue. Returns false if the scope is already
    /// paused.
    package func pause(_ scope: PauseScope, by actor: String, reason: String? = nil) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await pauses.add(scope, by: actor, reason: reason, on: connection) else { return false }
            try await note("jobs.pause", scope, by: actor, detail: reason, on: connection)
            return true
        }
    }

    /// A warning for an operator who pauses an unknown queue or class; nil if it is known.
    package func warning(about scope: PauseScope) async throws -> String? {
        var classes: Set<String> = []
        switch scope {
        case .tenant: return nil
        case .queue: break
        case .class:
            guard let known = classNames() else { return nil }
            classes = known
        }
        let store = KnownNamesStore(limits: limits)
        var known = try await pool.withConnection { try await store.find(on: $0) }
        known.queues.insert(LaneName.defaultQueue)
        known.classes.formUnion(classes)
        return known.warning(about: scope)
    }

    /// Ends a pause; false if there is none. Queues some held jobs at once; the reconciler queues the rest.
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
            "operator action", metadata: ["actor": "\(actor)", "action": "\(action)", "on": "\(text)"])
    }
}
