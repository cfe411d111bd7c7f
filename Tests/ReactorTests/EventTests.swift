import Synchronization
import Testing

@testable import Reactor

struct EventTests {
    private final class Flag: Sendable {
        let isOver = Mutex(false)
    }

    let loop = EventLoop(name: "test")

    @Test func `setting an event wakes all tasks that wait`() async throws {
        try await loop.run {
            let event = Event()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await event.wait() } }
                group.addTask { await event.waitUncancellable() }
                await Task.yield()
                #expect(!event.isSet)
                event.set()
                try await group.waitForAll()
            }
        }
    }

    @Test func `an event that is set before the wait is not lost, until it is reset`() async throws {
        try await loop.run {
            let event = Event()
            event.set()
            try await event.wait()
            #expect(await event.waitUncancellable(until: .now))
            event.reset()
            #expect(await event.waitUncancellable(until: .now) == false)
        }
    }

    @Test func `a cancelled wait ends, and a later one of another task goes on`() async throws {
        try await loop.run {
            let event = Event()
            await withTaskGroup(of: Bool.self) { group in
                group.addTask { (try? await event.wait()) == nil }
                await Task.yield()
                group.cancelAll()
                #expect(await group.next() == true)
                // Cancelled before it began to wait.
                group.addTask { (try? await event.wait()) == nil }
                #expect(await group.next() == true)
            }
            event.set()
            try await event.wait()
        }
    }

    @Test func `an uncancellable wait outlasts the cancellation of its task`() async throws {
        await loop.run {
            let event = Event()
            let waiter = Flag()
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await event.waitUncancellable()
                    waiter.isOver.withLock { $0 = true }
                }
                group.cancelAll()
                for _ in 0..<5 { await Task.yield() }
                #expect(!waiter.isOver.withLock { $0 })
                event.set()
            }
            #expect(waiter.isOver.withLock { $0 })
        }
    }

    @Test func `an event may be set by any thread`() async throws {
        try await loop.run {
            let event = Event()
            try await BlockingPool.shared.run { event.set() }
            try await event.wait()
            #expect(event.isSet)
        }
    }
}

struct CancellationShieldTests {
    private struct Failure: Error {}

    let loop = EventLoop(name: "test")

    @Test func `a shielded body is not cancelled, runs on the loop and returns its value`() async throws {
        await loop.run {
            await withTaskGroup(of: Bool.self) { group in
                group.cancelAll()
                group.addTask {
                    let isShielded = await withCancellationShield { [loop] in
                        !Task.isCancelled && loop.isCurrent
                    }
                    return isShielded && Task.isCancelled
                }
                #expect(await group.next() == true)
            }
        }
    }

    @Test func `a shielded body throws its own error`() async throws {
        await #expect(throws: Failure.self) {
            try await withCancellationShield(on: loop) { () async throws(Failure) -> Void in throw Failure() }
        }
    }
}

struct BackoffTests {
    @Test func `pauses double up to the maximum and begin again after a reset`() {
        var backoff = Backoff(initial: .milliseconds(50), maximum: .milliseconds(300))
        let pauses = (0..<5).map { _ in backoff.next() }
        #expect(pauses == [50, 100, 200, 300, 300].map { .milliseconds($0) })
        backoff.reset()
        #expect(backoff.next() == .milliseconds(50))
    }

    @Test func `jitter moves a pause to both sides`() {
        let backoff = Backoff(initial: .seconds(2), maximum: .seconds(60), factor: 4, jitter: 0.5)
        #expect(backoff.pause(after: 2, chance: 0) == .seconds(4))
        #expect(backoff.pause(after: 2, chance: 0.5) == .seconds(8))
        #expect(backoff.pause(after: 2, chance: 1) == .seconds(12))
    }

    @Test func `the number of attempts has no limit`() {
        let backoff = Backoff(initial: .milliseconds(1), maximum: .seconds(3600))
        #expect(backoff.pause(after: .max, chance: 0) == .seconds(3600))
    }
}
