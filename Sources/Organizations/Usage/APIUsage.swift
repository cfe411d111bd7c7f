package import FoundationEssentials
package import Postgres
package import Salesforce
internal import Synchronization

/// The use of the orgs' APIs by this process: quotas as answers report them, calls by purpose, and the
/// decisions that follow. All loops share it.
package final class APIUsage: Sendable {
    private struct Org {
        var budget: OrgBudget
        var circuit = OrgCircuit()
        var caps: [DailyCallCap] = []
    }

    private struct State {
        var orgs: [UUID: Org] = [:]
        /// Not yet written.
        var latest: [UUID: LimitInfo] = [:]
        var calls: [CallCount.Key: Int] = [:]
    }

    private let reservePercent: Int
    private let state = Mutex(State())

    /// - Parameter reservePercent: the part of each org's allowance that is never used.
    package init(reservePercent: Int = OrganizationsLimits.apiReservePercent) {
        self.reservePercent = reservePercent
    }

    /// The gate of calls with one purpose to one org.
    package func gate(for organization: UUID, _ purpose: CallPurpose) -> CallGate {
        CallGate(
            admit: { try self.admit(purpose, organization, now: .now) },
            end: { outcome in
                self.change(organization) { $0.circuit.end(outcome, now: .now, chance: .random(in: 0...1)) }
            },
            usage: { self.note($0, of: organization) })
    }

    package func note(_ usage: LimitInfo, of organization: UUID) {
        change(organization) { $0.budget.note(usage, at: .now) }
        state.withLock { $0.latest[organization] = usage }
    }

    /// The factor for the interval between polls of an org, at least 1.
    package func pollingFactor(of organization: UUID) -> Int {
        state.withLock { $0.orgs[organization]?.budget.pollingFactor ?? 1 }
    }

    /// True if no answer has reported the org's use for some time.
    package func isUseUnknown(of organization: UUID, now: ContinuousClock.Instant = .now) -> Bool {
        state.withLock { $0.orgs[organization]?.budget.isUseUnknown(now: now) ?? true }
    }

    /// Replaces the caps of mappings.
    ///
    /// - Parameter objects: the names of the mappings' objects, also of those without a cap.
    package func setCaps(_ caps: [DailyCallCap], replacing objects: Set<String>, of organization: UUID) {
        // Calls that are not written yet are missing in what was read.
        let caps = state.withLock { state in
            caps.map { cap in
                var cap = cap
                for (key, calls) in state.calls where key.organization == organization {
                    if let object = key.purpose.object, cap.objects.contains(object) { cap.used += calls }
                }
                return cap
            }
        }
        change(organization) { org in
            org.caps.removeAll { !$0.objects.isDisjoint(with: objects) }
            org.caps += caps
        }
    }

    /// Counts a call, or throws `SalesforceError` `.heldBack`, `.dailyCalls` or `.circuitOpen`.
    func admit(
        _ purpose: CallPurpose, _ organization: UUID, now: ContinuousClock.Instant
    ) throws(SalesforceError) {
        var refusal: (code: SalesforceError.Code, until: ContinuousClock.Instant)?
        change(organization) { org in
            if org.caps.contains(where: { $0.refuses(purpose) }) {
                refusal = (.dailyCalls, now + OrganizationsLimits.capRecheck)
            } else if let until = org.budget.refusal(of: purpose.kind, now: now) {
                refusal = (.heldBack, until)
            } else if let until = org.circuit.refusal(now: now) {
                refusal = (.circuitOpen, until)
            } else if let object = purpose.object {
                for place in org.caps.indices where org.caps[place].objects.contains(object) {
                    org.caps[place].used += 1
                }
            }
        }
        guard let refusal else {
            let key = CallCount.Key(organization: organization, purpose: purpose)
            return state.withLock { $0.calls[key, default: 0] += 1 }
        }
        var error = SalesforceError(refusal.code, message: Self.message(refusal.code))
        error.retryAfterSeconds = max(1, Int((now.duration(to: refusal.until) / .seconds(1)).rounded(.up)))
        throw error
    }

    private static func message(_ code: SalesforceError.Code) -> String {
        switch code {
        case .heldBack: "the rest of the org's API allowance is reserved"
        case .dailyCalls: "the mapping has used its API calls of the day"
        default: "the org's last calls failed"
        }
    }

    private func change(_ organization: UUID, _ body: (inout Org) -> Void) {
        state.withLock { state in
            var org = state.orgs[organization] ?? Org(budget: OrgBudget(reservePercent: reservePercent))
            body(&org)
            state.orgs[organization] = org
        }
    }

    /// Writes what was noted since the last flush. Called every few seconds, and after a job.
    package func flush(to pool: PostgresPool) async throws {
        let (latest, calls) = state.withLock { state in
            defer {
                state.latest = [:]
                state.calls = [:]
            }
            return (state.latest, state.calls)
        }
        guard !latest.isEmpty || !calls.isEmpty else { return }
        do {
            try await pool.transaction { connection in
                let store = UsageStore(on: connection)
                for (organization, usage) in latest.sorted(by: { $0.key.uuidString < $1.key.uuidString }) {
                    try await store.record(usage, of: organization)
                }
                try await store.add(calls.map { CallCount(key: $0.key, calls: $0.value) })
            }
        } catch {
            state.withLock { state in
                state.latest.merge(latest) { newer, _ in newer }
                state.calls.merge(calls) { $0 + $1 }
            }
            throw error
        }
    }
}

/// Calls with one purpose to one org.
package struct CallCount: Sendable, Equatable {
    /// The purpose of the calls.
    package struct Key: Sendable, Hashable {
        package var organization: UUID
        package var purpose: CallPurpose

        package init(organization: UUID, purpose: CallPurpose) {
            self.organization = organization
            self.purpose = purpose
        }
    }

    package var key: Key
    package var calls: Int

    package init(key: Key, calls: Int) {
        self.key = key
        self.calls = calls
    }
}
