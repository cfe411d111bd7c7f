import Synchronization
import Testing

@testable import Reactor

struct AsyncSemaphoreTests {
    /// Counts the tasks that run at the same time.
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

    private final class Order: Sendable {
        let numbers = Mutex<[Int]>([])
    }

    private struct Failure: Error {}

    let loop = EventLoop(name: "test")

    @Test func `no more tasks run than the limit allows`() async throws {
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 2)
            let counter = Counter()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await semaphore.withPermit {
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

    @Test func `a task that is cancelled while it waits takes no permit`() async throws {
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 1)
            try await semaphore.withPermit {
                await withTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        do {
                            try await semaphore.withPermit {}
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
            try await semaphore.withPermit {}
        }
    }

    @Test func `a task that fails returns its permit`() async throws {
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 1)
            await #expect(throws: Failure.self) { try await semaphore.withPermit { throw Failure() } }
            try await semaphore.withPermit {}
        }
    }

    @Test func `a cancelled task gets no permit, even if one is free`() async throws {
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 1)
            await withTaskGroup(of: Bool.self) { group in
                group.cancelAll()
                group.addTask { (try? await semaphore.withPermit {}) == nil }
                #expect(await group.next() == true)
            }
            try await semaphore.withPermit {}
        }
    }

    @Test func `waiting tasks run in order`() async throws {
        let order = Order()
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await semaphore.withPermit {
                    for number in 0..<10 {
                        group.addTask {
                            try await semaphore.withPermit { order.numbers.withLock { $0.append(number) } }
                        }
                    }
                    for _ in 0..<20 { await Task.yield() }
                }
                try await group.waitForAll()
            }
        }
        #expect(order.numbers.withLock { $0 } == Array(0..<10))
    }

    @Test func `groups take turns, however many tasks of one wait`() async throws {
        let order = Order()
        try await loop.run {
            let semaphore = AsyncSemaphore(limit: 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                try await semaphore.withPermit(of: "first") {
                    for number in [1, 1, 1, 1, 2, 2, 3] {
                        group.addTask {
                            try await semaphore.withPermit(of: "\(number)") {
                                order.numbers.withLock { $0.append(number) }
                            }
                        }
                    }
                    for _ in 0..<20 { await Task.yield() }
                }
                try await group.waitForAll()
            }
        }
        #expect(order.numbers.withLock { $0 } == [1, 2, 3, 1, 2, 1, 1])
    }
}
