internal import DequeModule
internal import Synchronization

/// Lets a limited number of tasks through at a time. The others wait. Groups of tasks take turns: the group
/// with the fewest permits is next, and of several the one whose turn is longest ago. The tasks of a group
/// run in order.
package final class AsyncSemaphore: Sendable {
    private struct Wait {
        let ticket: Int
        let group: String
        /// Resumed with false by a cancellation.
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var lastTicket = 0
        var waits: Deque<Wait> = []
        var groups: [String: Group] = [:]
        var lastTurn = 0

        /// A new group gets its turn after those that already wait.
        mutating func join(_ name: String) {
            lastTurn += 1
            groups[name, default: Group(turn: lastTurn)].tasks += 1
        }

        mutating func leave(_ name: String) {
            groups[name]?.tasks -= 1
            if groups[name]?.tasks == 0 { groups[name] = nil }
        }

        mutating func begin(_ name: String) {
            lastTurn += 1
            groups[name]?.turn = lastTurn
            groups[name]?.permits += 1
        }

        /// The waiting task that gets the next permit.
        mutating func takeNext() -> Wait? {
            func rank(_ wait: Wait) -> (Int, Int, Int) {
                let group = groups[wait.group] ?? Group(turn: 0)
                return (group.permits, group.turn, wait.ticket)
            }
            guard let place = waits.indices.min(by: { rank(waits[$0]) < rank(waits[$1]) }) else { return nil }
            return waits.remove(at: place)
        }
    }

    private struct Group {
        /// The number of its last turn.
        var turn: Int
        var permits = 0
        /// Tasks that wait or have a permit.
        var tasks = 0
    }

    private let state: Mutex<State>

    package init(limit: Int) {
        precondition(limit > 0, "a semaphore without permits blocks forever")
        state = Mutex(State(free: limit))
    }

    /// Runs `body` with a permit. Throws `CancellationError` if the task is cancelled while it waits.
    package func withPermit<Value>(
        of group: String = "", _ body: () async throws -> Value
    ) async throws -> Value {
        try await acquire(group)
        defer { release(group) }
        return try await body()
    }

    private func acquire(_ group: String) async throws {
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
                    state.join(group)
                    if state.free > 0 {
                        state.free -= 1
                        state.begin(group)
                        return true
                    }
                    state.waits.append(Wait(ticket: ticket, group: group, continuation: continuation))
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
            let wait = state.waits.firstIndex { $0.ticket == ticket }.map { state.waits.remove(at: $0) }
            if let wait { state.leave(wait.group) }
            return wait
        }
        wait?.continuation.resume(returning: false)
    }

    /// Hands the permit to the next waiting task.
    private func release(_ group: String) {
        let next = state.withLock { state in
            state.groups[group]?.permits -= 1
            state.leave(group)
            let next = state.takeNext()
            if let next { state.begin(next.group) } else { state.free += 1 }
            return next
        }
        next?.continuation.resume(returning: true)
    }
}
