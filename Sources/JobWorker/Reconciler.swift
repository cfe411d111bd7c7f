import JobIndex
import Jobs
import Logging
import Postgres
import Synchronization

/// Recovers jobs of lost workers, and makes Redis agree with the rows. Every worker can reconcile, but only
/// one at a time. If it is unsure, it pushes a job again: a duplicate is harmless, a missing entry is not.
final class Reconciler: Sendable {
    private struct Memory {
        var epoch: String?
        /// A new epoch whose jobs are being marked as not pushed, and the position reached.
        var repush: (epoch: String, position: JobPosition?)?
        var emptyLanes: Set<LaneName> = []
        var nextSweep = ContinuousClock.now
        /// The position of the sweep; nil at its start.
        var sweepPosition: JobPosition?
    }

    private let workers: WorkerStore
    private let recovery: RecoveryStore
    private let pauses: PauseStore
    private let weights: TenantWeightStore
    private let index: QueueIndex
    private let tallies: JobTallies
    private let onGivenUp: @Sendable (JobRecord, any Error) async -> Void
    private let logger: Logger
    private let memory = Mutex(Memory())

    init(
        workers: WorkerStore, recovery: RecoveryStore, index: QueueIndex, tallies: JobTallies,
        onGivenUp: @escaping @Sendable (JobRecord, any Error) async -> Void, logger: Logger
    ) {
        self.workers = workers
        self.recovery = recovery
        pauses = PauseStore(limits: recovery.limits)
        weights = TenantWeightStore(limits: recovery.limits)
        self.index = index
        self.tallies = tallies
        self.onGivenUp = onGivenUp
        self.logger = logger
    }

    /// Runs one pass. Without Redis it maintains the rows only, and workers claim from them.
    /// - Returns: false if the next pass is due at once, because this one did not finish within its time.
    func pass(lost: [String], on connection: PostgresConnection) async throws -> Bool {
        let recovered = try await connection.transaction { connection -> [JobRecord]? in
            guard try await recovery.isLeader(on: connection) else { return nil }
            var recovered = try await recovery.recover(from: lost, on: connection)
            recovered += try await sweep(on: connection)
            while try await recovery.removeEndedClaims(on: connection) == recovery.limits.batch {}
            _ = try await recovery.queueOverdue(on: connection)
            try await workers.markStopped(lost, on: connection)
            return recovered
        }
        guard let recovered else { return true }
        await report(recovered)
        while try await pauses.release(on: connection).count == recovery.limits.batch {}
        do {
            let dead = recovered.filter { $0.state == .dead }
            if !dead.isEmpty { try await index.push(dead) }
            let epoch = try await index.epoch()
            let isRepushed = try await repush(after: epoch, on: connection)
            try await index.setWeights(try await weights.list(on: connection))
            try await inspectLanes(on: connection)
            // Before `pushAll`, which would push these jobs again.
            guard try await recordPushes(on: connection) else { return false }
            return try await pushAll(on: connection) && isRepushed
        } catch let error as PostgresError {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.debug("could not reconcile redis", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// Whether a pass would find a job whose lease has expired.
    func isLeaseExpired(on connection: PostgresConnection) async throws -> Bool {
        try await recovery.isLeaseExpired(on: connection)
    }

    private func report(_ recovered: [JobRecord]) async {
        tallies.countRecovered(recovered)
        for record in recovered {
            logger.warning(
                "job recovered from lost worker",
                metadata: ["job": "\(record.id)", "class": "\(record.className)", "state": "\(record.state)"])
        }
        for record in recovered where record.state.isGivenUp {
            let crash = JobsError(.crashed, "the worker was lost while the job ran, too many times in a row")
            await onGivenUp(record, record.state == .dead ? crash : .cancelledByOperator)
        }
    }

    /// Searches the next part of all open jobs for orphaned running ones. Pauses after the last part.
    private func sweep(on connection: PostgresConnection) async throws -> [JobRecord] {
        let (next, position) = memory.withLock { ($0.nextSweep, $0.sweepPosition) }
        guard ContinuousClock.now >= next else { return [] }
        let part = try await recovery.sweep(after: position, on: connection)
        let recovered =
            part.orphans.isEmpty ? [] : try await recovery.recover(orphans: part.orphans, on: connection)
        // A full batch: the same part may have more.
        guard part.orphans.count < recovery.limits.batch else { return recovered }
        memory.withLock { memory in
            memory.sweepPosition = part.end
            if part.end == nil { memory.nextSweep = .now + recovery.limits.sweepPause }
        }
        return recovered
    }

    /// Repeats a step until it returns true, or the time of a pass is over; then false.
    private func repeatInTime(_ step: () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + recovery.limits.passStep
        repeat {
            if try await step() { return true }
        } while .now < end
        return false
    }

    /// After Redis lost its memory: marks every open job as not pushed, and pushes the dead jobs.
    private func repush(after epoch: String, on connection: PostgresConnection) async throws -> Bool {
        guard memory.withLock({ $0.epoch }) != epoch else { return true }
        let isMarked = try await repeatInTime {
            let begun = memory.withLock { $0.repush }
            let position = begun?.epoch == epoch ? begun?.position : nil
            let next = try await recovery.markUnpushed(before: epoch, after: position, on: connection)
            memory.withLock { $0.repush = next.map { (epoch, $0) } }
            return next == nil
        }
        guard isMarked else { return false }
        // Dead jobs are pushed once per epoch: those that a user deleted on Sidekiq's pages must not come
        // back.
        if try await index.epochOfDead() != epoch {
            try await pushDead(on: connection)
            try await index.recordDead(epoch)
        }
        memory.withLock { $0.epoch = epoch }
        return true
    }

    private func pushDead(on connection: PostgresConnection) async throws {
        var last: JobRecord?
        for _ in 0..<(recovery.limits.shownDead.count / recovery.limits.batch) {
            let records = try await recovery.dead(after: last, on: connection)
            guard let oldest = records.last else { return }
            try await index.push(records)
            last = oldest
        }
    }

    /// Marks jobs as not pushed if their lane was empty in Redis in two passes in a row, although rows wait
    /// in it. Then they are pushed again.
    private func inspectLanes(on connection: PostgresConnection) async throws {
        let waiting = try await recovery.longestWaitingLanes(on: connection)
        let empty = Set(try await index.inspect(waiting))
        let lost = memory.withLock { memory in
            defer { memory.emptyLanes = empty }
            return empty.intersection(memory.emptyLanes)
        }
        if !lost.isEmpty { try await recovery.markUnpushed(Array(lost), on: connection) }
    }

    /// Records pushes on the rows. Most rows need no record, because their jobs are already claimed.
    private func recordPushes(on connection: PostgresConnection) async throws -> Bool {
        try await repeatInTime {
            let pushed = try await index.takePushed(recovery.limits.batch)
            guard !pushed.ids.isEmpty else { return true }
            try await recovery.markPushed(pushed.ids, epoch: pushed.epoch, on: connection)
            return false
        }
    }

    private func pushAll(on connection: PostgresConnection) async throws -> Bool {
        try await repeatInTime {
            try await connection.transaction { connection in
                guard try await recovery.isLeader(on: connection) else { return true }
                let records = try await recovery.unpushed(on: connection)
                guard !records.isEmpty else { return true }
                let epoch = try await index.epoch(afterPushing: records)
                try await recovery.markPushed(records.map(\.id), epoch: epoch, on: connection)
                return records.count < recovery.limits.batch
            }
        }
    }
}
