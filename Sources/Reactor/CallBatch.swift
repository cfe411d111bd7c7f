internal import DequeModule
internal import Synchronization

/// Calls that go together: while one batch is on its way the next calls collect, and go as one.
///
/// There is no task behind it: whoever finds nobody on the way leads, and hands the lead on when back. The
/// cancellation of a caller does not end the batch, which is others' too; each call lasts until its batch is
/// answered. One value for each loop, used there.
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
    ///   - maximum: how many items go together at most.
    ///   - perform: answers items, one for each, in their order. What it throws, all of them throw.
    package init(maximum: Int, perform: @escaping @Sendable ([Item]) async throws -> [Answer]) {
        precondition(maximum > 0, "a batch has room for an item")
        self.maximum = maximum
        self.perform = perform
    }

    /// The answer to one item.
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
