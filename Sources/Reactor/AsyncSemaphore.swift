internal import DequeModule
internal import Synchronization

/// Lets a limited number of tasks through at a time. The others wait in order.
package final class AsyncSemaphore: Sendable {
    private struct Wait {
        let ticket: Int
        /// Resumed with false by a cancellation.
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var lastTicket = 0
        var waits: Deque<Wait> = []
    }

    private let state: Mutex<State>

    package init(limit: Int) {
        precondition(limit > 0, "a semaphore without permits blocks forever")
        state = Mutex(State(free: limit))
    }

    /// Runs `body` with a permit. Throws `CancellationError` if the task is cancelled while it waits.
    package func withPermit<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await acquire()
        defer { release() }
        return try await body()
    }

    private func acquire() async throws {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            return state.lastTicket
        }
        let isAcquired = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAcquired: Bool? = state.withLock { state in
                    // A task is marked as cancelled before its cancellation handler runs. If the handler ran
                    // before this wait was added, it found no wait, and this check detects the cancellation.
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waits.append(Wait(ticket: ticket, continuation: continuation))
                    return nil
                }
                if let isAcquired { continuation.resume(returning: isAcquired) }
            }
        } onCancel: {
            cancel(ticket)
        }
        guard isAcquired else { throw CancellationError() }
    }

    private func cancel(_ ticket: Int) {
        let wait = state.withLock { state in
            state.waits.firstIndex { $0.ticket == ticket }.map { state.waits.remove(at: $0) }
        }
        wait?.continuation.resume(returning: false)
    }

    /// Hands the permit to the task that has waited longest.
    private func release() {
        let next = state.withLock { state in
            let next = state.waits.popFirst()
            if next == nil { state.free += 1 }
            return next
        }
        next?.continuation.resume(returning: true)
    }
}
