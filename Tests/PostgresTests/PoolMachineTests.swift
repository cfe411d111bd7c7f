import Testing

@testable import Postgres

struct PoolMachineTests {
    private let start = ContinuousClock.now

    private func machine(maximum: Int, waiters: Int = 10) -> PoolMachine {
        var settings = PoolMachine.Settings(maximum: maximum)
        settings.maximumWaiters = waiters
        return PoolMachine(settings)
    }

    private func openOne(_ machine: inout PoolMachine, at now: ContinuousClock.Instant) throws
        -> PoolMachine.Slot
    {
        guard case .open(let slot) = machine.acquire(now: now) else { throw Unexpected() }
        machine.opened(slot, now: now)
        return slot
    }

    private struct Unexpected: Error {}

    private func waiter(_ acquisition: PoolMachine.Acquisition) throws -> PoolMachine.Waiter {
        guard case .wait(let waiter) = acquisition else { throw Unexpected() }
        return waiter
    }

    @Test func `connections are opened up to the maximum, then tasks wait`() throws {
        var machine = machine(maximum: 2)
        let first = try openOne(&machine, at: start)
        _ = try openOne(&machine, at: start)
        let waiting = try waiter(machine.acquire(now: start))
        #expect(machine.count == 2)
        let followup = machine.release(first, now: start)
        #expect(followup == .init(resume: waiting, grant: .use(first, check: false)))
        #expect(machine.idleCount == 0)
    }

    @Test func `a released connection is reused, the latest first`() throws {
        var machine = machine(maximum: 3)
        let (first, second) = (try openOne(&machine, at: start), try openOne(&machine, at: start))
        #expect(machine.release(first, now: start) == .init())
        #expect(machine.release(second, now: start) == .init())
        #expect(machine.acquire(now: start) == .use(second, check: false))
        #expect(machine.acquire(now: start) == .use(first, check: false))
    }

    @Test func `tasks with the same affinity get the same connection if it is free`() throws {
        var machine = machine(maximum: 4)
        let slots = try (0..<4).map { _ in try openOne(&machine, at: start) }
        for slot in slots { _ = machine.release(slot, now: start) }
        var used: [Int: Set<PoolMachine.Slot>] = [:]
        for round in 0..<3 {
            for affinity in 0..<32 {
                // Another task holds a connection in the last round.
                let other = round == 2 ? machine.acquire(now: start, affinity: affinity) : nil
                guard case .use(let slot, false) = machine.acquire(now: start, affinity: affinity) else {
                    throw Unexpected()
                }
                used[affinity, default: []].insert(slot)
                _ = machine.release(slot, now: start)
                if case .use(let slot, _)? = other { _ = machine.release(slot, now: start) }
            }
        }
        #expect(used.values.allSatisfy { $0.count == 2 })
        #expect(Set(used.values.joined()).count == 4)
    }

    @Test func `a released connection goes to a waiter that prefers it, and an earlier one is not starved`()
        throws
    {
        var machine = machine(maximum: 2, waiters: 100)
        let (first, second) = (try openOne(&machine, at: start), try openOne(&machine, at: start))
        // An affinity that prefers each connection.
        var affinities: [PoolMachine.Slot: Int] = [:]
        for slot in [first, second] { _ = machine.release(slot, now: start) }
        for affinity in 0..<32 {
            guard case .use(let slot, _) = machine.acquire(now: start, affinity: affinity) else {
                throw Unexpected()
            }
            affinities[slot] = affinity
            _ = machine.release(slot, now: start)
        }
        for _ in 0..<2 { _ = machine.acquire(now: start) }
        let earlier = try waiter(machine.acquire(now: start, affinity: affinities[first]))
        let preferring = try (0..<20).map { _ in
            try waiter(machine.acquire(now: start, affinity: affinities[second]))
        }
        for place in 0..<8 {
            #expect(machine.release(second, now: start).resume == preferring[place])
        }
        #expect(machine.release(second, now: start).resume == earlier)
        #expect(machine.release(second, now: start).resume == preferring[8])
    }

    @Test func `waiters are served in order`() throws {
        var machine = machine(maximum: 1)
        let slot = try openOne(&machine, at: start)
        let waiters = try (0..<3).map { _ in try waiter(machine.acquire(now: start)) }
        for waiting in waiters {
            #expect(machine.release(slot, now: start).resume == waiting)
        }
        #expect(machine.release(slot, now: start) == .init())
    }

    @Test func `a broken connection lets the first waiter open one`() throws {
        var machine = machine(maximum: 1)
        let slot = try openOne(&machine, at: start)
        let waiting = try waiter(machine.acquire(now: start))
        let followup = machine.discard(slot, now: start)
        #expect(followup.close == slot)
        #expect(followup.resume == waiting)
        guard case .open(let new)? = followup.grant else { throw Unexpected() }
        #expect(new != slot)
        // It cannot be opened either: nothing to close, and the slot is free again.
        #expect(machine.discard(new, now: start) == .init())
        #expect(machine.count == 0)
    }

    @Test func `a waiter that stops waiting is removed, unless it was served`() throws {
        var machine = machine(maximum: 1)
        let slot = try openOne(&machine, at: start)
        let (one, two) = (try waiter(machine.acquire(now: start)), try waiter(machine.acquire(now: start)))
        #expect(machine.abandon(one) == true)
        #expect(machine.abandon(one) == false)
        #expect(machine.release(slot, now: start).resume == two)
        #expect(machine.abandon(two) == false)
    }

    @Test func `more waiters than allowed are refused`() throws {
        var machine = machine(maximum: 1, waiters: 1)
        _ = try openOne(&machine, at: start)
        _ = try waiter(machine.acquire(now: start))
        #expect(machine.acquire(now: start) == .refuse(.tooManyWaiters))
    }

    @Test func `a connection is checked after half a minute and closed after five`() throws {
        var machine = machine(maximum: 2)
        let (first, second) = (try openOne(&machine, at: start), try openOne(&machine, at: start))
        _ = machine.release(first, now: start)
        _ = machine.release(second, now: start + .seconds(100))
        #expect(machine.reapsAt == start + .seconds(300))
        #expect(machine.reap(now: start + .seconds(299)) == [])
        #expect(machine.reap(now: start + .seconds(300)) == [first])
        #expect(machine.acquire(now: start + .seconds(131)) == .use(second, check: true))
        #expect(machine.reapsAt == nil)
    }

    @Test func `a connection that is too old is closed when it is released`() throws {
        var machine = machine(maximum: 1)
        let slot = try openOne(&machine, at: start)
        #expect(machine.release(slot, now: start + .seconds(3601)).close == slot)
        #expect(machine.count == 0)
    }

    @Test func `all idle connections can be closed at once, those in use stay`() throws {
        var machine = machine(maximum: 2)
        let (used, idle) = (try openOne(&machine, at: start), try openOne(&machine, at: start))
        _ = machine.release(idle, now: start)
        #expect(machine.evictIdle() == [idle])
        #expect(machine.count == 1 && machine.idleCount == 0 && machine.reapsAt == nil)
        #expect(machine.release(used, now: start).close == nil)
    }

    @Test func `a closed pool refuses tasks and closes released connections`() throws {
        var machine = machine(maximum: 2)
        let (used, idle) = (try openOne(&machine, at: start), try openOne(&machine, at: start))
        let waiting = try waiter(machine.acquire(now: start))
        #expect(machine.abandon(waiting) == true)
        _ = machine.release(idle, now: start)
        let closing = machine.close()
        #expect(closing.close == [idle])
        #expect(machine.acquire(now: start) == .refuse(.closed))
        #expect(machine.release(used, now: start).close == used)
        #expect(machine.count == 0)
    }

    @Test func `closing returns the waiters to refuse`() throws {
        var machine = machine(maximum: 1)
        _ = try openOne(&machine, at: start)
        let waiting = try waiter(machine.acquire(now: start))
        #expect(machine.close().refuse == [waiting])
        #expect(machine.abandon(waiting) == false)
    }
}
