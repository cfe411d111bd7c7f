internal import Synchronization

/// A flag that tasks wait for. It stays set until `reset`, so that a signal before a wait is not lost. Any
/// thread may set it.
package final class Event: Sendable {
    private enum Outcome {
        case set
        case timedOut
        case cancelled
    }

    private struct Wait {
        let ticket: Int
        let continuation: CheckedContinuation<Outcome, Never>
    }

    private struct State {
        var isSet = false
        var lastTicket = 0
        var waits: [Wait] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var isSet: Bool { state.withLock(\.isSet) }

    /// Wakes all waiting tasks. Later waits return at once, until `reset`.
    package func set() {
        let waits = state.withLock { state in
            state.isSet = true
            defer { state.waits = [] }
            return state.waits
        }
        for wait in waits { wait.continuation.resume(returning: .set) }
    }

    /// Waits begin again. Call it before the work that `set` announces, else a later signal is lost.
    package func reset() {
        state.withLock { $0.isSet = false }
    }

    /// Waits for `set`. Throws `CancellationError` if the task is cancelled first.
    package func wait() async throws {
        let ticket = makeTicket()
        let outcome = await withTaskCancellationHandler {
            await suspend(ticket, isCancellable: true)
        } onCancel: {
            end(ticket, .cancelled)
        }
        if outcome == .cancelled { throw CancellationError() }
    }

    /// Waits for `set`, also in a cancelled task.
    package func waitUncancellable() async {
        _ = await suspend(makeTicket(), isCancellable: false)
    }

    /// Waits for `set`, also in a cancelled task. False if `deadline` comes first. Runs on a loop.
    package func waitUncancellable(until deadline: ContinuousClock.Instant) async -> Bool {
        let ticket = makeTicket()
        let timer = EventLoop.current.schedule(at: deadline) { self.end(ticket, .timedOut) }
        defer { timer.cancel() }
        return await suspend(ticket, isCancellable: false) == .set
    }

    private func makeTicket() -> Int {
        state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
    }

    private func suspend(_ ticket: Int, isCancellable: Bool) async -> Outcome {
        await withCheckedContinuation { continuation in
            let outcome: Outcome? = state.withLock { state in
                if state.isSet { return .set }
                // A task is marked as cancelled before its cancellation handler runs. If the handler ran
                // before this wait was added, it found no wait, and this check detects the cancellation.
                if isCancellable, Task.isCancelled { return .cancelled }
                state.waits.append(Wait(ticket: ticket, continuation: continuation))
                return nil
            }
            if let outcome { continuation.resume(returning: outcome) }
        }
    }

    private func end(_ ticket: Int, _ outcome: Outcome) {
        let wait = state.withLock { state in
            state.waits.firstIndex { $0.ticket == ticket }.map { state.waits.remove(at: $0) }
        }
        wait?.continuation.resume(returning: outcome)
    }
}
