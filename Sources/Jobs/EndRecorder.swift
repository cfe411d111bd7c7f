import Logging
import Postgres
import Reactor
import Synchronization

/// Records the good ends of jobs whose slots are free again, many with one statement. One for each worker.
///
/// Until its end is recorded a job is claimed, and its lease is renewed: if the worker dies meanwhile, the job
/// runs again, as a plain job does that dies just before its end.
final class EndRecorder: Sendable {
    private struct State {
        var ends: [WorkerState.Running] = []
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let store: JobStore
    private let pool: PostgresPool
    private let worker: WorkerState
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter pool: of the loop on which `run` is called.
    init(store: JobStore, pool: PostgresPool, worker: WorkerState, logger: Logger) {
        self.store = store
        self.pool = pool
        self.worker = worker
        self.logger = logger
    }

    /// Takes over a job whose handler has returned well. From any thread.
    func add(_ job: WorkerState.Running) { wake { $0.ends.append(job) } }

    /// No more ends will come: `run` returns when those that have come are recorded.
    func close() { wake { $0.isClosed = true } }

    /// Records ends until `close`; a cancellation gives up what is not recorded.
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

    /// The next ends to be recorded together; nil when there will be none.
    private func next() async -> [WorkerState.Running]? {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.ends.isEmpty, !state.isClosed { state.waiter = continuation }
                return state.waiter == nil
            }
            if isReady { continuation.resume() }
        }
        if !state.withLock({ $0.isClosed }) {
            try? await EventLoop.current.sleep(for: store.limits.gathering)
        }
        return state.withLock { state in
            guard !state.ends.isEmpty else { return nil }
            defer { state.ends.removeFirst(min(store.limits.batch, state.ends.count)) }
            return Array(state.ends.prefix(store.limits.batch))
        }
    }

    /// Tries as long as the leases hold: a job whose end was not recorded runs again.
    private func record(_ ends: [WorkerState.Running]) async {
        var open = ends
        var pause: Duration = .milliseconds(50)
        while !open.isEmpty {
            do {
                let held = try await pool.withConnection { connection in
                    try await store.complete(open.map(\.run.claim), on: connection)
                }
                for job in open { settle(job, wasHeld: held.contains(job.record.id)) }
                return
            } catch {
                logger.debug("ends of jobs are not recorded yet", metadata: ["error": "\(error)"])
            }
            let now = ContinuousClock.now
            for job in open where Task.isCancelled || job.run.leaseUntil <= now { settle(job, wasHeld: nil) }
            open.removeAll { Task.isCancelled || $0.run.leaseUntil <= now }
            try? await EventLoop.current.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func settle(_ job: WorkerState.Running, wasHeld: Bool?) {
        worker.noteEnd(of: job.record, wasHeld: wasHeld, logger)
        worker.settle(job)
    }
}
