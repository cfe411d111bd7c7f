import Foundation
import Testing

@testable import Replication

/// Which tenants a worker acquires and hands over, and which workers are lost.
struct LeasePlanTests {
    private static let workers = (0..<4).map { _ in UUID() }
    private static let a = workers[0]
    private static let b = workers[1]
    private static let limits = LeaseLimits()

    /// Tenants with these weights, and their holders by index.
    private static func facts(
        _ holder: UUID = a, of holders: Set<UUID>, _ tenants: [(weight: Int, holder: UUID?)]
    ) -> (facts: LeasePlan.Facts, ids: [UUID]) {
        let ids = tenants.map { _ in UUID() }
        var facts = LeasePlan.Facts(holder: holder, holders: holders, tenants: [:], held: [:])
        for (id, tenant) in zip(ids, tenants) {
            facts.tenants[id] = tenant.weight
            facts.held[id] = tenant.holder
        }
        return (facts, ids)
    }

    private static func plan(_ facts: LeasePlan.Facts) -> LeasePlan { LeasePlan(facts, limits: limits) }

    @Test func `a single worker acquires every free tenant`() {
        let (facts, ids) = Self.facts(of: [Self.a], Array(repeating: (1, nil), count: 7))
        let plan = Self.plan(facts)
        #expect(Set(plan.acquired) == Set(ids))
        #expect(plan.givenUp.isEmpty && plan.isComplete)
    }

    @Test func `one plan acquires a bounded number, and the next one follows at once`() {
        let (facts, _) = Self.facts(of: [Self.a], Array(repeating: (1, nil), count: 501))
        let plan = Self.plan(facts)
        #expect(plan.acquired.count == Self.limits.acquired)
        #expect(!plan.isComplete)
    }

    @Test(arguments: [1, 2, 3, 7, 10, 100])
    func `two workers share the free tenants`(count: Int) {
        let (facts, _) = Self.facts(of: [Self.a, Self.b], Array(repeating: (1, nil), count: count))
        #expect(Self.plan(facts).acquired.count == (count + 1) / 2)
    }

    @Test func `a worker with the mean load or more leaves free tenants to others`() {
        let (facts, ids) = Self.facts(
            of: [Self.a, Self.b], [(1, Self.a), (1, Self.a), (1, Self.b), (1, nil)])
        #expect(Self.plan(facts).acquired.isEmpty)
        var other = facts
        other.holder = Self.b
        #expect(Self.plan(other).acquired == [ids[3]])
    }

    @Test func `a tenant that no worker takes is acquired above the mean`() {
        var (facts, ids) = Self.facts(
            of: [Self.a, Self.b], [(1, Self.a), (1, Self.a), (1, nil), (1, nil)])
        #expect(Self.plan(facts).acquired.isEmpty)
        facts.overdue = [ids[2]]
        #expect(Self.plan(facts).acquired == [ids[2]])
    }

    @Test func `a tenant of a holder without a row is free`() {
        let (facts, ids) = Self.facts(of: [Self.a], [(1, UUID())])
        #expect(Self.plan(facts).acquired == ids)
        #expect(Self.plan(facts).free == Set(ids))
    }

    @Test func `a paused or uninstalled tenant is given up`() {
        var (facts, ids) = Self.facts(of: [Self.a, Self.b], [(1, Self.a), (1, Self.a), (1, Self.b)])
        facts.tenants[ids[0]] = nil
        facts.tenants[ids[2]] = nil
        #expect(Self.plan(facts).givenUp == [ids[0]])
        facts.ending = [ids[0]]
        #expect(Self.plan(facts).givenUp.isEmpty)
    }

    @Test func `a new worker gets half of the tenants`() {
        let (facts, _) = Self.facts(of: [Self.a, Self.b], Array(repeating: (1, Self.a), count: 100))
        let plan = Self.plan(facts)
        #expect(plan.givenUp.count == 50)
        var other = facts
        other.holder = Self.b
        #expect(Self.plan(other) == LeasePlan(other, limits: Self.limits))
        #expect(Self.plan(other).acquired.isEmpty, "they are not free yet")
    }

    @Test func `one plan hands over a bounded number`() {
        let (facts, _) = Self.facts(of: [Self.a, Self.b], Array(repeating: (1, Self.a), count: 2000))
        let plan = Self.plan(facts)
        #expect(plan.givenUp.count == Self.limits.handedOver)
        #expect(!plan.isComplete)
    }

    @Test(arguments: [(1, 0), (2, 1), (6, 5), (11, 9), (60, 41)])
    func `a small difference moves no tenant`(mine: Int, other: Int) {
        let tenants =
            Array(repeating: (weight: 1, holder: Optional(Self.a)), count: mine)
            + Array(repeating: (weight: 1, holder: Optional(Self.b)), count: other)
        #expect(Self.plan(Self.facts(of: [Self.a, Self.b], tenants).facts).givenUp.isEmpty)
    }

    @Test func `a heavy tenant does not move back and forth`() {
        let (facts, ids) = Self.facts(of: [Self.a, Self.b], [(20, Self.a), (1, Self.a), (1, Self.b)])
        // The heavy one would only move the imbalance. The light one reduces it.
        #expect(Self.plan(facts).givenUp == [ids[1]])
    }

    @Test func `nothing is handed over while tenants are free`() {
        let tenants: [(Int, UUID?)] = Array(repeating: (1, Self.a), count: 10) + [(1, nil)]
        #expect(Self.plan(Self.facts(of: [Self.a, Self.b], tenants).facts).givenUp.isEmpty)
    }

    /// Workers join and leave. After each change the plans of all workers, one after the other, end with a
    /// holder for each tenant and balanced loads, and then nothing moves.
    @Test func `the plans of several workers converge`() {
        var generator = SystemRandomNumberGenerator()
        var tenants: [UUID: Int] = [:]
        for _ in 0..<300 { tenants[UUID()] = Int.random(in: 1...5, using: &generator) }
        var held: [UUID: UUID] = [:]
        for count in [1, 2, 4, 3, 1, 4] {
            let living = Set(Self.workers.prefix(count))
            held = held.filter { living.contains($0.value) }
            var moves = 1
            var rounds = 0
            while moves > 0, rounds < 50 {
                moves = 0
                rounds += 1
                for worker in living.shuffled() {
                    let plan = Self.plan(
                        .init(holder: worker, holders: living, tenants: tenants, held: held))
                    for id in plan.acquired { held[id] = worker }
                    for id in plan.givenUp { held[id] = nil }
                    moves += plan.acquired.count + plan.givenUp.count
                }
            }
            #expect(rounds < 50, "\(count) workers")
            #expect(held.count == tenants.count)
            let loads = living.map { worker in
                held.filter { $0.value == worker }.keys.reduce(0) { $0 + (tenants[$1] ?? 0) }
            }
            let mean = Double(tenants.values.reduce(0, +)) / Double(count)
            #expect(loads.allSatisfy { Double($0) <= mean * 1.2 + 5 }, "\(loads), mean \(mean)")
        }
    }
}

/// Which holders are lost.
struct LostHoldersTests {
    private static let start = ContinuousClock.now
    private let own = UUID()
    private let other = UUID()

    private func status(_ id: UUID, isLocked: Bool = true, isExpired: Bool = false) -> LeaseHolderStatus {
        LeaseHolderStatus(id: id, worker: "w", lockKey: 1, isLocked: isLocked, isExpired: isExpired)
    }

    private func at(_ seconds: Double) -> ContinuousClock.Instant { Self.start + .seconds(seconds) }

    @Test func `a holder whose session ended is lost after a pause, unless it reconnects`() {
        var lost = LostHolders(own: own, start: Self.start, limits: LeaseLimits())
        #expect(lost.find(among: [status(other)], now: at(10)).isEmpty)
        #expect(lost.nextLoss == nil)
        #expect(lost.find(among: [status(other, isLocked: false)], now: at(11)).isEmpty)
        #expect(lost.nextLoss == at(12.5))
        #expect(lost.find(among: [status(other)], now: at(12)).isEmpty)
        #expect(lost.find(among: [status(other, isLocked: false)], now: at(13)).isEmpty)
        #expect(lost.find(among: [status(other, isLocked: false)], now: at(14.5)).map(\.id) == [other])
    }

    @Test func `a holder whose lease ended is lost at once`() {
        var lost = LostHolders(own: own, start: Self.start, limits: LeaseLimits())
        #expect(lost.find(among: [status(other, isExpired: true)], now: at(10)).map(\.id) == [other])
    }

    @Test func `no holder is lost soon after a reconnection, because others reconnect too`() {
        var lost = LostHolders(own: own, start: Self.start, limits: LeaseLimits())
        let both = [
            status(other, isExpired: true), status(UUID(), isLocked: false),
            status(own, isLocked: false, isExpired: true),
        ]
        #expect(lost.find(among: both, now: at(0)).isEmpty)
        #expect(lost.find(among: both, now: at(1)).isEmpty)
        #expect(lost.find(among: both, now: at(1.5)).count == 2)
    }
}
