import FoundationEssentials
import Jobs
import Logging
import Postgres
import Synchronization

/// Enqueues the jobs of due ticks. Every worker tries this over its maintenance connection; the first one
/// gets the tick.
final class PeriodicTicker: Sendable {
    private let definitions: [PeriodicJob]
    private let store: PeriodicStore
    private let queue: JobQueue
    private let logger: Logger
    private let nextRegistration = Mutex(ContinuousClock.now)

    init(definitions: [PeriodicJob], store: PeriodicStore, queue: JobQueue, logger: Logger) {
        self.definitions = definitions
        self.store = store
        self.queue = queue
        self.logger = logger
    }

    /// Enqueues due ticks.
    /// - Throws: errors of the connection. Others are logged, so that they do not stop the rest of
    ///   maintenance.
    func tick(on connection: PostgresConnection) async throws {
        do {
            try await registerIfDue(on: connection)
            guard try await store.isAnyDue(on: connection) else { return }
            let records = try await connection.transaction { try await self.enqueue(on: $0) }
            queue.tallies.countEnqueued(records)
            await queue.push(records)
        } catch let error as PostgresError where error.isTransient || error.isConnectionLoss {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("could not run periodic jobs", metadata: ["error": "\(error)"])
        }
    }

    private func registerIfDue(on connection: PostgresConnection) async throws {
        guard nextRegistration.withLock({ $0 }) <= .now else { return }
        let now = try await store.now(on: connection)
        for definition in definitions {
            try await store.register(definition, now: now, on: connection)
        }
        let removed = try await store.removeUnregistered(on: connection)
        if removed > 0 {
            logger.notice("unregistered periodic jobs removed", metadata: ["jobs": "\(removed)"])
        }
        nextRegistration.withLock { $0 = .now + store.limits.periodicRegistration }
    }

    private func enqueue(on connection: PostgresConnection) async throws -> [JobRecord] {
        var records: [JobRecord] = []
        for due in try await store.due(on: connection) {
            let schedule: Schedule
            do {
                schedule = try Schedule(due.schedule)
            } catch {
                try await store.stop(due.name, because: error.description, on: connection)
                logger.error(
                    "periodic job disabled",
                    metadata: ["name": "\(due.name)", "error": "\(error)"])
                continue
            }
            let verdict = PeriodicRule.verdict(
                schedule, tick: due.tick, now: due.now, missed: due.missed, isBusy: due.isBusy,
                tolerance: store.limits.tickTolerance)
            if verdict.runs {
                let key = "periodic:\(due.name):\(Int(due.tick.timeIntervalSince1970))"
                let record = try await store.run(due.name, in: due.lane, key: key, on: connection)
                if let record { records.append(record) }
            }
            try await store.move(
                due.name, to: verdict.next, passingOver: verdict.runs ? 0 : 1, on: connection)
        }
        return records
    }
}
