import FoundationEssentials
import Logging
import Synchronization

/// What the parts of a worker share: the running jobs, whether it stops, and its counters.
final class WorkerState: Sendable {
    /// A job of this worker and since when.
    struct Running: Sendable {
        let record: JobRecord
        let run: JobRun
        /// Which of the worker's loops runs it.
        let loop: Int
        let startedAt = Date()
    }

    private struct State {
        /// By their claims: of one job an earlier start, whose claim was lost, may not have ended yet.
        var running: [Claim: Running] = [:]
        var unrecorded: [Claim: Running] = [:]
        /// Jobs that run on each loop.
        var loads: [Int]
        /// Short runs that nobody has asked for yet.
        var shortRuns = 0
        var isQuiet = false
        var stopping: Bool = false
        var stopWaiters: [CheckedContinuation<Void, Never>] = []
        var processed = 0
        var failed = 0
    }

    let gate: SlotGate
    /// Runs by class, for Sidekiq's page of metrics.
    let tallies = RunTallies()
    /// The same and more, for the page of metrics.
    let meters: JobTallies
    private let shortRun: Duration
    private let state: Mutex<State>

    init(slots: Int, loops: Int, limits: JobsLimits, meters: JobTallies) {
        state = Mutex(State(loads: Array(repeating: 0, count: loops)))
        shortRun = limits.shortRun
        gate = SlotGate(slots: slots, unrecordedEnds: limits.unrecordedEnds)
        self.meters = meters
    }

    var isQuiet: Bool { state.withLock { $0.isQuiet || $0.stopping } }
    var isStopping: Bool { state.withLock { $0.stopping } }
    /// Jobs whose handler runs.
    var running: [Running] { state.withLock { Array($0.running.values) } }
    /// Those, and the ones whose end is not recorded yet: all whose claim is this worker's.
    var claimed: [Running] {
        state.withLock { Array($0.running.values) + Array($0.unrecorded.values) }
    }
    var busy: Int { state.withLock { $0.running.count } }
    var isIdle: Bool { state.withLock { $0.running.isEmpty && $0.unrecorded.isEmpty } }

    func quiet() { state.withLock { $0.isQuiet = true } }

    /// Takes no more jobs, and tells those who wait for that.
    func stop() {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.stopping = true
            defer { state.stopWaiters = [] }
            return state.stopWaiters
        }
        gate.close()
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until the worker stops.
    func stopped() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isStopping = state.withLock { state in
                if !state.stopping { state.stopWaiters.append(continuation) }
                return state.stopping
            }
            if isStopping { continuation.resume() }
        }
    }

    /// Takes a slot for a job, on the loop that has the fewest, the first where there are several.
    func begin(_ record: JobRecord, _ run: JobRun) -> Running {
        gate.take(1)
        let job = state.withLock { state in
            let loop = state.loads.indices.min { state.loads[$0] < state.loads[$1] } ?? 0
            let job = Running(record: record, run: run, loop: loop)
            state.loads[loop] += 1
            state.running[run.claim] = job
            return job
        }
        meters.countStarted(record, at: job.startedAt)
        return job
    }

    /// Gives the slot of a job back whose end is on record.
    func end(_ job: Running) {
        state.withLock { state in
            state.running[job.run.claim] = nil
            state.loads[job.loop] -= 1
        }
        gate.release(owingEnd: false)
    }

    /// Gives the slot of a job back whose handler has returned; `settle` follows when its end is recorded.
    func leave(_ job: Running) {
        state.withLock { state in
            state.running[job.run.claim] = nil
            state.loads[job.loop] -= 1
            state.unrecorded[job.run.claim] = job
        }
        gate.release(owingEnd: true)
    }

    /// The end of a job that left its slot is recorded, or given up.
    func settle(_ job: Running) {
        state.withLock { _ = $0.unrecorded.removeValue(forKey: job.run.claim) }
        gate.settle()
    }

    /// Counts and logs a good end. `wasHeld` is nil when it could not be recorded.
    func noteEnd(of record: JobRecord, wasHeld: Bool?, _ logger: Logger) {
        switch wasHeld {
        case true?:
            countFinished(record.className)
            // Nothing is put together for a line that is not written.
            logger.info(
                "job ended well",
                metadata: record.logMetadata.merging(["attempt": "\(record.attempt)"]) { $1 })
        case false?:
            logger.about(record).warning("job ended after its claim was lost; nothing was recorded")
        case nil:
            logger.about(record).error("the end of a job could not be recorded; it will run again")
        }
    }

    /// Counts a handler that has returned well.
    func countRun(_ className: String, of duration: Duration) {
        tallies.countSuccess(className, after: duration)
        meters.countRun(className, of: duration)
        if duration < shortRun { state.withLock { $0.shortRuns += 1 } }
    }

    /// How many short runs there were since the last time.
    func takeShortRuns() -> Int {
        state.withLock { state in
            defer { state.shortRuns = 0 }
            return state.shortRuns
        }
    }

    /// Counts a start that has ended well.
    private func countFinished(_ className: String) {
        meters.countFinished(className)
        state.withLock { $0.processed += 1 }
    }

    /// Counts a start that has failed, as Sidekiq does: it is processed too.
    func countFailed(_ className: String, isRetried: Bool) {
        tallies.countFailure(className)
        meters.countFailed(className, isRetried: isRetried)
        state.withLock { state in
            state.processed += 1
            state.failed += 1
        }
    }

    /// The counts since the last time, which start again.
    func takeCounts() -> (processed: Int, failed: Int) {
        state.withLock { state in
            defer { (state.processed, state.failed) = (0, 0) }
            return (state.processed, state.failed)
        }
    }

    /// Counts that could not be told.
    func giveBack(_ counts: (processed: Int, failed: Int)) {
        state.withLock { state in
            state.processed += counts.processed
            state.failed += counts.failed
        }
    }
}
