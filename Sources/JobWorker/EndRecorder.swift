import Jobs
import Logging
import Postgres
import Reactor
import Synchronization

/// Records the ends of plain jobs, many with one statement.
///
/// Until its end is recorded a job stays claimed and its lease is renewed. If the worker crashes before, the
/// job runs again, as if it had crashed just before its end.
final class EndRecorder: Sendable {
    private struct State {
        var ends: [RunningJob] = []
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let store: JobStore
    private let pool: PostgresPool
    private let slots: Slots
    private let reporter: RunReporter
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter pool: of the loop on which `run` is called.
    init(store: JobStore, pool: PostgresPool, slots: Slots, reporter: RunReporter, logger: Logger) {
        self.store = store
        self.pool = pool
        self.slots = slots
        self.reporter = reporter
        self.logger = logger
    }

    /// Adds a job whose handler returned without an error. Any thread.
    func add(_ job: RunningJob) { wake { $0.ends.append(job) } }

    /// `run` returns after the ends that were added are recorded.
    func close() { wake { $0.isClosed = true } }

    /// Records ends until `close`. After a cancellation, ends that are not recorded are dropped.
    func run() async {
        await withTaskCancellationHandler {
            while let ends = await next(), !Task.isCancelled { await record(ends) }
        } onCancel: {
            close()
        }
    }

    private func wake(_ change: (inout sending State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next batch; nil after the last.
    private func next() async -> [RunningJob]? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.ends.isEmpty, !state.isClosed { state.waiter = continuation }
                return state.waiter == nil
            }
            if isReady { continuation.resume() }
        }
        if !state.withLock({ $0.isClosed }) {
            try? await EventLoop.current.sleep(for: store.limits.endBatching)
        }
        return state.withLock { state in
            guard !state.ends.isEmpty else { return nil }
            defer { state.ends.removeFirst(min(store.limits.batch, state.ends.count)) }
            return Array(state.ends.prefix(store.limits.batch))
        }
    }

    /// Retries until the leases expire. A job whose end is not recorded runs again.
    private func record(_ ends: [RunningJob]) async {
        var open = ends
        var backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(1))
        while !open.isEmpty {
            do {
                let held = try await pool.withConnection { connection in
                    try await store.complete(open.map(\.run.claim), on: connection)
                }
                for job in open { finish(job, isRecorded: held.contains(job.record.id)) }
                return
            } catch {
                logger.debug("could not record ends of jobs", metadata: ["error": "\(error)"])
            }
            let now = ContinuousClock.now
            for job in open where Task.isCancelled || job.run.leaseUntil <= now {
                finish(job, isRecorded: nil)
            }
            open.removeAll { Task.isCancelled || $0.run.leaseUntil <= now }
            try? await EventLoop.current.sleep(for: backoff.next())
        }
    }

    private func finish(_ job: RunningJob, isRecorded: Bool?) {
        reporter.ended(job.record, isRecorded: isRecorded)
        slots.endRecorded(job)
    }
}
