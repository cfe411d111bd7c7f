import Synchronization
import Testing

@testable import Reactor

struct EventLoopTests {
    final class Counter: Sendable {
        let count = Mutex(0)
    }

    let loop = EventLoop(name: "test")

    @Test func `tasks, children and resumptions stay on the loop`() async throws {
        try await loop.run {
            #expect(EventLoop.currentIfAny === loop)
            async let child = EventLoop.currentIfAny
            #expect(await child === loop)
            try await loop.sleep(for: .milliseconds(1))
            #expect(loop.isCurrent)
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 { group.addTask { EventLoop.currentIfAny === loop } }
                for await isOnLoop in group { #expect(isOnLoop) }
            }
        }
        #expect(EventLoop.currentIfAny == nil)
    }

    @Test func `a cancelled sleep throws a cancellation error at once`() async throws {
        await #expect(throws: CancellationError.self) {
            try await loop.run {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await EventLoop.current.sleep(for: .seconds(3600)) }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test func `a sleep that is cancelled before it begins throws at once`() async throws {
        await loop.run {
            await withTaskGroup(of: Bool.self) { group in
                group.cancelAll()
                group.addTask {
                    do {
                        try await EventLoop.current.sleep(for: .seconds(3600))
                        return false
                    } catch {
                        return error is CancellationError
                    }
                }
                #expect(await group.next() == true)
            }
        }
    }

    @Test func `a deadline cancels its operation and throws timed out`() async throws {
        await #expect(throws: ReactorError(.timedOut, operation: "nap")) {
            try await loop.run {
                try await withDeadline(.now + .milliseconds(5), operation: "nap") {
                    try await EventLoop.current.sleep(for: .seconds(3600))
                }
            }
        }
    }

    @Test func `blocking calls return their results and errors on the loop`() async throws {
        struct Failure: Error {}
        try await loop.run {
            let sum = try await BlockingPool.shared.run { 20 + 22 }
            #expect(sum == 42)
            #expect(loop.isCurrent)
            await #expect(throws: Failure.self) {
                try await BlockingPool.shared.run { throw Failure() }
            }
        }
    }

    @Test func `more blocking calls than threads all finish`() async throws {
        let total = try await loop.run {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 1...100 {
                    group.addTask { try await BlockingPool.shared.run { number } }
                }
                return try await group.reduce(0, +)
            }
        }
        #expect(total == 5050)
    }

    @Test func `a thousand posts from other threads all run`() async throws {
        let counter = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1000 {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        loop.post {
                            counter.count.withLock { $0 += 1 }
                            continuation.resume()
                        }
                    }
                }
            }
        }
        #expect(counter.count.withLock { $0 } == 1000)
    }
}

struct LoopTimerTests {
    @Test func `a timer's closure may schedule another one`() async throws {
        let loop = EventLoop(name: "timers")
        let ranOn = await loop.run {
            let loop = EventLoop.current
            return await withCheckedContinuation { continuation in
                loop.schedule(at: .now) {
                    loop.schedule(at: .now) {
                        continuation.resume(returning: EventLoop.currentIfAny === loop)
                    }
                }
            }
        }
        #expect(ranOn)
        loop.shutdown()
    }
}

struct TimerQueueTests {
    let start = ContinuousClock.now

    @Test func `timers run in the order of their deadlines, equal ones in the order of their creation`() {
        var queue = TimerQueue()
        var order: [Int] = []
        _ = queue.schedule(at: start + .seconds(2)) { order.append(3) }
        _ = queue.schedule(at: start + .seconds(1)) { order.append(1) }
        _ = queue.schedule(at: start + .seconds(1)) { order.append(2) }
        _ = queue.schedule(at: start + .seconds(9)) { order.append(4) }
        while let body = queue.takeDue(now: start + .seconds(2)) { body() }
        #expect(order == [1, 2, 3])
    }

    @Test func `a cancelled timer does not run, and thousands of them use no memory`() {
        var queue = TimerQueue()
        var runs = 0
        for _ in 0..<10_000 {
            queue.schedule(at: start + .seconds(60)) { runs += 1 }.cancel()
        }
        #expect(queue.scheduledCount < 200)
        while let body = queue.takeDue(now: start + .seconds(120)) { body() }
        #expect(runs == 0)
        #expect(queue.millisecondsUntilNext(now: start) == -1)
    }

    @Test func `the wait for the next timer is rounded up and never negative`() {
        var queue = TimerQueue()
        _ = queue.schedule(at: start + .microseconds(1500)) {}
        #expect(queue.millisecondsUntilNext(now: start) == 2)
        #expect(queue.millisecondsUntilNext(now: start + .seconds(1)) == 0)
    }
}

struct EventLoopWakeupTests {
    /// Regression: a wake-up while the loop took its inbox was lost, and the loop slept on.
    @Test func `no wake-up is lost between two threads and a loop`() async throws {
        let loop = EventLoop(name: "wakeups")
        let rounds = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    // Only the deadline's timer would wake a loop that missed the wake-up, which fails the
                    // test.
                    try await loop.run {
                        try await withDeadline(.now + .seconds(10)) {
                            for _ in 0..<5000 { try await BlockingPool.shared.run {} }
                            return 5000
                        }
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(rounds == 20_000)
    }
}
