internal import FoundationEssentials

/// Finds lost holders: the lease has ended, or the session lock has been free for a while.
struct LostHolders: Sendable {
    private let own: UUID
    private let limits: LeaseLimits
    /// No holder is lost before: after an outage of the database all workers reconnect at the same time.
    private let notBefore: ContinuousClock.Instant
    private var missingSince: [UUID: ContinuousClock.Instant] = [:]

    /// - Parameter start: when the caller's session began.
    init(own: UUID, start: ContinuousClock.Instant, limits: LeaseLimits) {
        self.own = own
        self.limits = limits
        notBefore = start + limits.lockLoss
    }

    /// The lost ones of these holders.
    mutating func find(
        among holders: [LeaseHolderStatus], now: ContinuousClock.Instant
    ) -> [LeaseHolderStatus] {
        let others = holders.filter { $0.id != own }
        missingSince = Dictionary(
            uniqueKeysWithValues: others.filter { !$0.isLocked }.map { ($0.id, missingSince[$0.id] ?? now) })
        guard now >= notBefore else { return [] }
        return others.filter { holder in
            holder.isExpired || missingSince[holder.id].map { now - $0 >= limits.lockLoss } ?? false
        }
    }

    /// When a holder whose lock is free now will be lost; nil without one.
    var nextLoss: ContinuousClock.Instant? {
        missingSince.values.min().map { max($0 + limits.lockLoss, notBefore) }
    }
}
