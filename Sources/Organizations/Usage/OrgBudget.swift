package import Salesforce

/// An org's API allowance: which calls may be sent now, and how much polling slows down.
///
/// The allowance counts the calls of the last 24 hours, of all the org's integrations. A part of it, the
/// reserve, is left to the others. The less of the rest is left, the fewer kinds of calls are sent, imports
/// first.
package struct OrgBudget: Sendable, Equatable {
    /// Percent of the allowance that is never used.
    private let reservePercent: Int
    private var usage: LimitInfo?
    /// When a call last reported the use, or was admitted to learn it.
    private var learned: ContinuousClock.Instant?

    package init(reservePercent: Int = OrganizationsLimits.apiReservePercent) {
        self.reservePercent = reservePercent
    }

    package mutating func note(_ usage: LimitInfo, at now: ContinuousClock.Instant) {
        self.usage = usage
        learned = now
    }

    /// True if no call has reported the use for some time.
    package func isUseUnknown(now: ContinuousClock.Instant) -> Bool {
        learned.map { now - $0 >= OrganizationsLimits.usageAge } ?? true
    }

    /// The part of the allowance outside the reserve that is left, from 0 to 1. 1 before the first report.
    package var available: Double {
        guard let usage else { return 1 }
        let usable = Double(usage.allowed) * Double(100 - reservePercent) / 100
        guard usable > 0 else { return 0 }
        return min(1, max(0, (usable - Double(usage.used)) / usable))
    }

    /// Nil if a call may be sent; else the time after which it may be tried again.
    ///
    /// The use is only known from answers. So after some time without one a call is admitted, whatever its
    /// kind.
    package mutating func refusal(
        of kind: CallPurpose.Kind, now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        guard available <= Self.minimum(for: kind), kind != .setup else { return nil }
        let retry = (learned ?? now) + OrganizationsLimits.apiRecheck
        guard now >= retry else { return retry }
        learned = now
        return nil
    }

    /// The factor for the interval between polls, at least 1.
    package var pollingFactor: Int {
        Self.slowdowns.first { available < $0.below }?.factor ?? 1
    }

    /// A kind is refused at or below this part.
    private static func minimum(for kind: CallPurpose.Kind) -> Double {
        switch kind {
        // A person waits, and there are few such calls: they are always sent.
        case .setup: 0
        case .write, .stream, .reread: 0
        case .user: 0.01
        case .poll: 0.02
        case .describe: 0.04
        case .verify: 0.08
        case .repair: 0.1
        case .import: 0.15
        }
    }

    private static let slowdowns: [(below: Double, factor: Int)] = [(0.05, 8), (0.15, 4), (0.3, 2)]
}
