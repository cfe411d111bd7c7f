import Synchronization

/// How many more jobs a worker may run. The fetcher waits here for a free slot; each job gives its own back.
final class SlotGate: Sendable {
    private struct State {
        var free: Int
        var isClosed = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(slots: Int) {
        state = Mutex(State(free: slots))
    }

    /// Free slots at this moment.
    var free: Int { state.withLock { $0.free } }

    /// Waits until a slot is free; 0 when the gate is closed. One caller at a time.
    func waitForFree() async -> Int {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isReady = state.withLock { state in
                if state.free > 0 || state.isClosed { return true }
                precondition(state.waiter == nil, "only the fetcher waits for slots")
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { $0.isClosed ? 0 : $0.free }
    }

    /// Takes slots that were free.
    func take(_ count: Int) {
        state.withLock { state in
            precondition(count <= state.free, "only free slots are taken")
            state.free -= count
        }
    }

    /// Gives a slot back.
    func release() {
        wake { $0.free += 1 }
    }

    /// Lets nobody in any more.
    func close() {
        wake { $0.isClosed = true }
    }

    private func wake(_ change: (inout sending State) -> Void) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
