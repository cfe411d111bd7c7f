internal import DequeModule
internal import Synchronization

/// Combines concurrent calls: calls that arrive while a batch runs form the next batch.
///
/// It has no task of its own: the first caller runs its batch, then passes the role to a waiting caller.
/// Cancellation of a caller does not end the batch, because the batch has other callers too. Each call
/// returns after its batch has ended. Loop-confined. It triples the registrations per second (`bin/bench
/// callback`).
package final class CallBatch<Item: Sendable, Answer: Sendable>: Sendable {
    private enum Turn {
        case over(Result<Answer, any Error>)
        case lead
    }

    private struct Waiting {
        let item: Item
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var waiting: Deque<Waiting> = []
        var isLed = false
    }

    private let state = Mutex(State())
    private let maximum: Int
    private let perform: @Sendable ([Item]) async throws -> [Answer]

    /// - Parameters:
    ///   - maximum: maximum items of a batch.
    ///   - perform: returns one answer for each item, in order. All calls of the batch throw its error.
    package init(maximum: Int, perform: @escaping @Sendable ([Item]) async throws -> [Answer]) {
        precondition(maximum > 0, "a batch holds at least one item")
        self.maximum = maximum
        self.perform = perform
    }

    /// The answer for one item.
    package func callAsFunction(_ item: Item) async throws -> Answer {
        let turn = await withCheckedContinuation { continuation in
            let leads = state.withLock { state in
                if !state.isLed {
                    state.isLed = true
                    return true
                }
                state.waiting.append(Waiting(item: item, continuation: continuation))
                return false
            }
            if leads { continuation.resume(returning: Turn.lead) }
        }
        switch turn {
        case .over(let result): return try result.get()
        case .lead: return try await lead(with: item)
        }
    }

    private func lead(with item: Item) async throws -> Answer {
        let others = state.withLock { state in
            let others = Array(state.waiting.prefix(maximum - 1))
            state.waiting.removeFirst(others.count)
            return others
        }
        let items = [item] + others.map(\.item)
        let result = await withCancellationShield { [perform] () async -> Result<[Answer], any Error> in
            do {
                let answers = try await perform(items)
                precondition(answers.count == items.count, "a batch answers each of its items")
                return .success(answers)
            } catch {
                return .failure(error)
            }
        }
        for (index, other) in others.enumerated() {
            other.continuation.resume(returning: .over(result.map { $0[index + 1] }))
        }
        let next = state.withLock { state in
            let next = state.waiting.popFirst()
            if next == nil { state.isLed = false }
            return next
        }
        next?.continuation.resume(returning: .lead)
        return try result.get()[0]
    }
}
