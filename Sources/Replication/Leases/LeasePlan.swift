internal import FoundationEssentials

/// Decides which tenants of a cell this worker acquires and which it gives up. All workers plan on their own,
/// from the same rows: a worker acquires tenants while its load is below the mean of all workers, so some
/// worker always acquires a free tenant.
struct LeasePlan: Sendable, Equatable {
    /// The facts of one plan.
    struct Facts: Sendable {
        /// This worker.
        var holder: UUID
        /// The workers that live, including this one.
        var holders: Set<UUID>
        /// The tenants that workers should hold, with their weights.
        var tenants: [UUID: Int]
        /// Each tenant's holder, without free tenants.
        var held: [UUID: UUID]
        /// Tenants of this worker whose runs are ending.
        var ending: Set<UUID> = []
        /// Tenants that have been free for `LeaseLimits.freeWait`.
        var overdue: Set<UUID> = []
    }

    /// Free tenants to acquire.
    var acquired: [UUID] = []
    /// Tenants of this worker that another worker is to acquire, or that need no holder any more.
    var givenUp: [UUID] = []
    /// Tenants that no worker holds, including those to acquire.
    var free: Set<UUID> = []
    /// False if a limit left something to do: the next plan is due soon.
    var isComplete = true

    init(_ facts: Facts, limits: LeaseLimits) {
        givenUp = facts.held.filter { tenant, holder in
            holder == facts.holder && facts.tenants[tenant] == nil && !facts.ending.contains(tenant)
        }.map(\.key).sorted(by: Self.precedes)
        var loads = Dictionary(uniqueKeysWithValues: facts.holders.map { ($0, 0) })
        for (tenant, weight) in facts.tenants where !facts.ending.contains(tenant) {
            if let holder = facts.held[tenant], loads[holder] != nil {
                loads[holder, default: 0] += weight
            } else {
                free.insert(tenant)
            }
        }
        let total = facts.tenants.values.reduce(0, +)
        var load = loads.removeValue(forKey: facts.holder) ?? 0
        acquire(facts, total: total, load: &load, limits)
        // Free tenants first go to workers below the mean.
        if free.isEmpty, facts.ending.isEmpty {
            handOver(facts, total: total, load: load, others: loads, limits)
        }
    }

    private mutating func acquire(_ facts: Facts, total: Int, load: inout Int, _ limits: LeaseLimits) {
        for tenant in Self.ordered(free, for: facts.holder) {
            guard load * facts.holders.count < total || facts.overdue.contains(tenant) else { continue }
            guard acquired.count < limits.acquired else {
                isComplete = false
                return
            }
            acquired.append(tenant)
            load += facts.tenants[tenant] ?? 1
        }
    }

    private mutating func handOver(
        _ facts: Facts, total: Int, load: Int, others: [UUID: Int], _ limits: LeaseLimits
    ) {
        let count = facts.holders.count
        guard load * count * 100 > total * (100 + limits.tolerancePercent) else { return }
        var load = load
        var others = others
        let mine = facts.held.filter { $0.value == facts.holder && facts.tenants[$0.key] != nil }.keys
        var moved = 0
        // The tenants that this worker would acquire last.
        for tenant in Self.ordered(Set(mine), for: facts.holder).reversed() {
            guard load * count > total, let lightest = others.min(by: { $0.value < $1.value }) else { return }
            let weight = facts.tenants[tenant] ?? 1
            // Otherwise the other worker would then have more than this one, and return it.
            guard lightest.value + weight <= load - weight else { continue }
            guard moved < limits.handedOver else {
                isComplete = false
                return
            }
            givenUp.append(tenant)
            moved += 1
            load -= weight
            others[lightest.key] = lightest.value + weight
        }
    }

    /// Each worker has its own order, so that workers that plan at the same time try different tenants.
    private static func ordered(_ tenants: Set<UUID>, for holder: UUID) -> [UUID] {
        tenants.map { (rank: rank($0, holder), id: $0) }
            .sorted { $0.rank == $1.rank ? precedes($0.id, $1.id) : $0.rank < $1.rank }.map(\.id)
    }

    /// FNV-1a of both ids.
    private static func rank(_ tenant: UUID, _ holder: UUID) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for text in [tenant.uuidString, holder.uuidString] {
            for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        return hash
    }

    private static func precedes(_ one: UUID, _ other: UUID) -> Bool { one.uuidString < other.uuidString }
}
