import Reactor
import Synchronization

/// How many more jobs a worker may run. The fetcher waits here for a free slot; each job gives its own back
/// when its handler has returned, and may go on owing the record of its end.
final class SlotGate: Sendable {
    private struct State {
        var free: Int
        /// Ends that may still be owed: with none left nobody is let in, so that a slow Postgres holds the
        /// worker back.
        var credit: Int
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?

        var room: Int { max(0, min(free, credit)) }
    }

    private let state: Mutex<State>

    init(slots: Int, unrecordedEnds: Int) {
        state = Mutex(State(free: slots, credit: unrecordedEnds))
    }

    /// Waits until a job may be taken, and says how many; 0 when the gate is closed, or when it is too late. One
    /// caller at a time, on a loop.
    func waitForFree(until deadline: ContinuousClock.Instant? = nil) async -> Int {
        while true {
            if let room = state.withLock({ $0.isClosed ? 0 : $0.room > 0 ? $0.room : nil }) { return room }
            if let deadline, deadline <= .now { return 0 }
            await waitForChange(until: deadline)
            // The room that was there may be gone: an end that is owed takes some away.
        }
    }

    private func waitForChange(until deadline: ContinuousClock.Instant?) async {
        let timer = deadline.map { EventLoop.current.schedule(at: $0) { [self] in giveUp() } }
        defer { timer?.cancel() }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.room > 0 || state.isClosed { return true }
                precondition(state.waiter == nil, "only the fetcher waits for slots")
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    private func giveUp() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Takes slots that were free.
    func take(_ count: Int) {
        state.withLock { state in
            precondition(count <= state.free, "only free slots are taken")
            state.free -= count
        }
    }

    /// Gives a slot back.
    func release(owingEnd: Bool) {
        wake { state in
            state.free += 1
            if owingEnd { state.credit -= 1 }
        }
    }

    /// An end that was owed is recorded, or given up.
    func settle() {
        wake { $0.credit += 1 }
    }

    /// Lets nobody in any more.
    func close() {
        wake { $0.isClosed = true }
    }

    private func wake(_ change: (inout sending State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            change(&state)
            guard state.room > 0 || state.isClosed else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
