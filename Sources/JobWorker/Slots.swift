package import FoundationEssentials
package import Jobs
import Reactor
import Synchronization

/// A job that this worker has claimed and started.
package struct RunningJob: Sendable {
    package let record: JobRecord
    let run: JobRun
    /// The index of the worker's loop that runs it.
    let loop: Int
    package let startedAt = Date()
}

/// The worker's slots: the jobs in them, and whether they may take more.
///
/// A plain job leaves its slot when its handler returns; until its end is recorded it stays claimed.
final class Slots: Sendable {
    private struct State {
        let slots: Int
        let unrecordedEnds: Int
        /// The key is the claim, not the job: an earlier run of the same job, whose claim was lost, may not
        /// have ended yet.
        var running: [Claim: RunningJob] = [:]
        var unrecorded: [Claim: RunningJob] = [:]
        /// Running jobs per loop.
        var loads: [Int]
        /// Short runs since the last claim.
        var shortRuns = 0
        var isQuiet = false
        var isStopping = false
        var claimer: CheckedContinuation<Void, Never>?

        /// Slots that can take a job. None while too many ends are unrecorded, so that a slow Postgres slows
        /// the worker.
        var free: Int { max(0, min(slots - running.count, unrecordedEnds - unrecorded.count)) }
    }

    private let shortRun: Duration
    private let state: Mutex<State>
    private let stopEvent = Event()

    init(_ count: Int, loops: Int, limits: JobsLimits) {
        shortRun = limits.shortRun
        state = Mutex(
            State(
                slots: count, unrecordedEnds: limits.unrecordedEnds, loads: Array(repeating: 0, count: loops))
        )
    }

    /// Whether no more jobs are claimed.
    var isQuiet: Bool { state.withLock { $0.isQuiet || $0.isStopping } }
    var isStopping: Bool { state.withLock { $0.isStopping } }
    /// Jobs whose handlers run.
    var running: [RunningJob] { state.withLock { Array($0.running.values) } }
    /// Jobs whose handlers run or whose ends are not recorded yet.
    var claimed: [RunningJob] {
        state.withLock { Array($0.running.values) + Array($0.unrecorded.values) }
    }
    var busy: Int { state.withLock { $0.running.count } }
    var isIdle: Bool { state.withLock { $0.running.isEmpty && $0.unrecorded.isEmpty } }

    func quiet() { state.withLock { $0.isQuiet = true } }

    func stop() {
        change { $0.isStopping = true }
        stopEvent.set()
    }

    /// Waits until `stop`.
    func stopped() async {
        await stopEvent.waitUncancellable()
    }

    /// Waits for free slots. Returns how many there are: 0 after `stop` and after the deadline.
    /// - Precondition: runs on a loop, one call at a time.
    func waitForFree(until deadline: ContinuousClock.Instant? = nil) async -> Int {
        while true {
            let free = state.withLock { $0.isStopping ? 0 : $0.free > 0 ? $0.free : nil }
            if let free { return free }
            if let deadline, deadline <= .now { return 0 }
            let timer = deadline.map { EventLoop.current.schedule(at: $0) { [self] in wakeClaimer() } }
            defer { timer?.cancel() }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let isReady = state.withLock { state in
                    if state.isStopping || state.free > 0 { return true }
                    precondition(state.claimer == nil, "only the claim loop waits for slots")
                    state.claimer = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
            // Checked again: a slot that became free is of no use while too many ends are unrecorded.
        }
    }

    private func wakeClaimer() {
        let claimer = state.withLock { state in
            defer { state.claimer = nil }
            return state.claimer
        }
        claimer?.resume()
    }

    private func change<Result: Sendable>(_ body: (inout sending State) -> Result) -> Result {
        let (result, claimer) = state.withLock { state in
            let result = body(&state)
            guard state.isStopping || state.free > 0 else {
                return (result, CheckedContinuation<Void, Never>?.none)
            }
            defer { state.claimer = nil }
            return (result, state.claimer)
        }
        claimer?.resume()
        return result
    }

    /// Puts a job into a slot, on the loop that has the fewest.
    func begin(_ record: JobRecord, _ run: JobRun) -> RunningJob {
        state.withLock { state in
            precondition(state.running.count < state.slots, "a job needs a free slot")
            let loop = state.loads.indices.min { state.loads[$0] < state.loads[$1] } ?? 0
            let job = RunningJob(record: record, run: run, loop: loop)
            state.loads[loop] += 1
            state.running[run.claim] = job
            return job
        }
    }

    /// Frees the slot of a job.
    /// - Parameter isRecorded: if false, the job stays claimed until `endRecorded`.
    func end(_ job: RunningJob, isRecorded: Bool) {
        change { state in
            state.running[job.run.claim] = nil
            state.loads[job.loop] -= 1
            if !isRecorded { state.unrecorded[job.run.claim] = job }
        }
    }

    /// The end of a job is recorded, or given up.
    func endRecorded(_ job: RunningJob) {
        change { _ = $0.unrecorded.removeValue(forKey: job.run.claim) }
    }

    /// Counts a run for claiming ahead.
    func countRun(of duration: Duration) {
        if duration < shortRun { state.withLock { $0.shortRuns += 1 } }
    }

    /// Short runs since the last call.
    func takeShortRuns() -> Int {
        state.withLock { state in
            defer { state.shortRuns = 0 }
            return state.shortRuns
        }
    }
}
