import Support
import Synchronization
import Testing

@testable import Replication

struct PageGateTests {
    /// How many are at work at the same time.
    private final class Counter: Sendable {
        private let state = Mutex((now: 0, most: 0))

        var most: Int { state.withLock { $0.most } }

        func begin() {
            state.withLock { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
        }

        func end() { state.withLock { $0.now -= 1 } }
    }

    private struct Failure: Error {}

    @Test func `at most the limit's number of pages are under way`() async throws {
        try await withLoop {
            let gate = PageGate(limit: 2)
            let counter = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await gate.withPage {
                            counter.begin()
                            for _ in 0..<5 { await Task.yield() }
                            counter.end()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(counter.most == 2)
        }
    }

    @Test func `a page that is cancelled while it waits gives its place up`() async throws {
        try await withLoop {
            let gate = PageGate(limit: 1)
            try await gate.withPage {
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            try await gate.withPage {}
                            return false
                        } catch {
                            return error is CancellationError
                        }
                    }
                    await Task.yield()
                    group.cancelAll()
                    let wasCancelled = await group.next()
                    #expect(wasCancelled == true)
                }
            }
            try await gate.withPage {}
        }
    }

    @Test func `a page that fails gives its place back`() async throws {
        try await withLoop {
            let gate = PageGate(limit: 1)
            await #expect(throws: Failure.self) { try await gate.withPage { throw Failure() } }
            try await gate.withPage {}
        }
    }
}
