import Logging
import Postgres
import Synchronization

/// Finds what was lost: jobs of silent workers, jobs that Redis was not told of or has forgotten, jobs whose
/// time went by. Any worker does it, one at a time. Telling Redis of a job twice does no harm, so it errs on
/// that side.
final class Reconciler: Sendable {
    private struct Memory {
        var epoch: String?
        /// The epoch before which pushes are being forgotten, and how far that has come.
        var forgetting: (epoch: String, position: JobPosition)?
        var emptyLanes: Set<LaneName> = []
        var nextSlowLook = ContinuousClock.now
        /// How far the slow look has come; nil: it begins anew.
        var position: JobPosition?
    }

    private let workers: WorkerStore
    private let recovery: RecoveryStore
    private let pauses: PauseStore
    private let weights: TenantWeightStore
    private let index: JobIndex
    private let tallies: JobTallies
    private let onDeath: @Sendable (JobRecord, any Error) async -> Void
    private let logger: Logger
    private let memory = Mutex(Memory())

    init(
        workers: WorkerStore, recovery: RecoveryStore, index: JobIndex, tallies: JobTallies,
        onDeath: @escaping @Sendable (JobRecord, any Error) async -> Void, logger: Logger
    ) {
        self.workers = workers
        self.recovery = recovery
        pauses = PauseStore(limits: recovery.limits)
        weights = TenantWeightStore(limits: recovery.limits)
        self.index = index
        self.tallies = tallies
        self.onDeath = onDeath
        self.logger = logger
    }

    /// One look over everything. Without Redis the rows alone are put in order: workers take from them.
    /// - Returns: false when there was more to tell than fits into one pass, so that lost jobs are looked for in
    ///   between: the next one is due.
    func pass(silent: [String], on connection: PostgresConnection) async throws -> Bool {
        let recovered = try await connection.transaction { connection -> [JobRecord]? in
            guard try await recovery.isLeader(on: connection) else { return nil }
            var recovered = try await recovery.recover(from: silent, on: connection)
            recovered += try await lookSlowly(on: connection)
            while try await recovery.forgetEndedClaims(on: connection) == recovery.limits.batch {}
            _ = try await recovery.requeueOverdue(on: connection)
            try await workers.bury(silent, on: connection)
            return recovered
        }
        guard let recovered else { return true }
        tallies.countRecovered(recovered)
        for record in recovered {
            logger.warning(
                "a job was taken from a worker that fell silent",
                metadata: ["job": "\(record.id)", "class": "\(record.className)", "state": "\(record.state)"])
        }
        for record in recovered where record.state.isGivenUp {
            let crash = JobsError(.crashed, "the worker fell silent while the job ran, again and again")
            await onDeath(record, record.state == .dead ? crash : .cancelledByOperator)
        }
        while try await pauses.release(on: connection).count == recovery.limits.batch {}
        do {
            let dead = recovered.filter { $0.state == .dead }
            if !dead.isEmpty { _ = try await index.push(dead) }
            let epoch = try await index.epoch()
            let isForgotten = try await forget(before: epoch, on: connection)
            try await index.weigh(try await weights.list(on: connection))
            try await inspectLanes(on: connection)
            // Before Redis is told of the others, or it would be told of these again.
            guard try await noteTold(on: connection) else { return false }
            return try await pushAll(on: connection) && isForgotten
        } catch let error as PostgresError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.debug("Redis could not be reconciled", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// Whether a pass would find a job whose worker has not renewed its lease in time.
    func isLeaseOver(on connection: PostgresConnection) async throws -> Bool {
        try await recovery.isLeaseOver(on: connection)
    }

    /// Goes a stretch further through all open jobs; at their end it rests.
    private func lookSlowly(on connection: PostgresConnection) async throws -> [JobRecord] {
        let (next, position) = memory.withLock { ($0.nextSlowLook, $0.position) }
        guard ContinuousClock.now >= next else { return [] }
        let stretch = try await recovery.stretch(after: position, on: connection)
        let recovered =
            stretch.lost.isEmpty ? [] : try await recovery.recover(unnamed: stretch.lost, on: connection)
        // There may be more where there was a whole batch.
        guard stretch.lost.count < recovery.limits.batch else { return recovered }
        memory.withLock { memory in
            memory.position = stretch.end
            if stretch.end == nil { memory.nextSlowLook = .now + recovery.limits.slowLook }
        }
        return recovered
    }

    /// Does a step until it says that it was the last, or for as long as a pass may take for it; whether it has come
    /// through.
    private func inTime(_ isLast: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + recovery.limits.telling
        repeat {
            if try await isLast() { return true }
        } while .now < end
        return false
    }

    /// A new epoch means that Redis lost its memory: it is told of every open job again, and of the dead.
    private func forget(before epoch: String, on connection: PostgresConnection) async throws -> Bool {
        guard memory.withLock({ $0.epoch }) != epoch else { return true }
        let isForgotten = try await inTime {
            let begun = memory.withLock { $0.forgetting }
            let position = begun?.epoch == epoch ? begun?.position : nil
            let next = try await recovery.forgetPushes(before: epoch, after: position, on: connection)
            memory.withLock { $0.forgetting = next.map { (epoch, $0) } }
            return next == nil
        }
        guard isForgotten else { return false }
        // Once for all workers: one who deletes the dead on Sidekiq's page does not want them back.
        if try await index.epochOfDead() != epoch {
            try await pushDead(on: connection)
            try await index.noteDead(epoch)
        }
        memory.withLock { $0.epoch = epoch }
        return true
    }

    private func pushDead(on connection: PostgresConnection) async throws {
        var last: JobRecord?
        for _ in 0..<(recovery.limits.shownDead.count / recovery.limits.batch) {
            let records = try await recovery.dead(after: last, on: connection)
            guard let oldest = records.last else { return }
            _ = try await index.push(records)
            last = oldest
        }
    }

    /// Lanes that Redis finds empty, twice in a row, although rows wait in them, are told again.
    private func inspectLanes(on connection: PostgresConnection) async throws {
        let waiting = try await recovery.longestWaitingLanes(on: connection)
        let empty = Set(try await index.inspect(waiting))
        let lost = memory.withLock { memory in
            defer { memory.emptyLanes = empty }
            return empty.intersection(memory.emptyLanes)
        }
        if !lost.isEmpty { try await recovery.forgetPushes(of: Array(lost), on: connection) }
    }

    /// Notes on the rows that Redis was told of them. Of most there is nothing to note: they have been claimed.
    private func noteTold(on connection: PostgresConnection) async throws -> Bool {
        try await inTime {
            let told = try await index.takeTold(recovery.limits.batch)
            guard !told.ids.isEmpty else { return true }
            try await recovery.markPushed(told.ids, epoch: told.epoch, on: connection)
            return false
        }
    }

    /// Tells Redis of the jobs that it does not know.
    private func pushAll(on connection: PostgresConnection) async throws -> Bool {
        try await inTime {
            try await connection.transaction { connection in
                guard try await recovery.isLeader(on: connection) else { return true }
                let records = try await recovery.unpushed(on: connection)
                guard !records.isEmpty else { return true }
                let epoch = try await index.push(records)
                try await recovery.markPushed(records.map(\.id), epoch: epoch, on: connection)
                return records.count < recovery.limits.batch
            }
        }
    }
}
