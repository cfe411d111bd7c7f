import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

struct OrgBudgetTests {
    private static let start = ContinuousClock.now

    private func allowed(_ used: Int, reserve: Int = 20) -> [CallPurpose.Kind] {
        CallPurpose.Kind.allCases.filter { kind in
            var budget = OrgBudget(reservePercent: reserve)
            budget.note(LimitInfo(used: used, allowed: 1_000), at: Self.start)
            return budget.refusal(of: kind, now: Self.start) == nil
        }
    }

    @Test func `the less of the allowance is left, the fewer kinds of calls are sent, imports first`() {
        let kinds = CallPurpose.Kind.allCases
        #expect(allowed(0) == kinds && allowed(600) == kinds)
        #expect(
            allowed(690) == [.setup, .write, .stream, .reread, .user, .poll, .describe, .verify, .repair])
        #expect(allowed(750) == [.setup, .write, .stream, .reread, .user, .poll, .describe])
        #expect(allowed(775) == [.setup, .write, .stream, .reread, .user, .poll])
        #expect(allowed(795) == [.setup, .write, .stream, .reread])
    }

    @Test(arguments: [800, 900, 1_000, 1_500])
    func `the reserve is not used, except by calls that a person waits for`(used: Int) {
        #expect(allowed(used) == [.setup])
    }

    @Test func `without a reserve the whole allowance is used`() {
        #expect(allowed(990, reserve: 0) == [.setup, .write, .stream, .reread])
        #expect(allowed(1_000, reserve: 0) == [.setup])
    }

    @Test func `polling slows down before it stops`() {
        let factors = [0, 500, 600, 700, 770, 800].map { used in
            var budget = OrgBudget()
            budget.note(LimitInfo(used: used, allowed: 1_000), at: Self.start)
            return budget.pollingFactor
        }
        #expect(factors == [1, 1, 2, 4, 8, 8])
        #expect(OrgBudget().pollingFactor == 1)
    }

    @Test func `a refused call may be tried later, and one call then learns the current use`() {
        var budget = OrgBudget()
        #expect(budget.refusal(of: .import, now: Self.start) == nil)
        budget.note(LimitInfo(used: 900, allowed: 1_000), at: Self.start)
        let retry = Self.start + OrganizationsLimits.apiRecheck
        #expect(budget.refusal(of: .poll, now: Self.start) == retry)
        #expect(budget.refusal(of: .poll, now: retry) == nil)
        #expect(budget.refusal(of: .poll, now: retry) == retry + OrganizationsLimits.apiRecheck)
        budget.note(LimitInfo(used: 100, allowed: 1_000), at: retry)
        #expect(budget.refusal(of: .import, now: retry) == nil)
    }
}

struct OrgCircuitTests {
    private static let start = ContinuousClock.now

    private func failing(_ failures: Int, _ code: SalesforceError.Code = .serverUnavailable) -> OrgCircuit {
        var circuit = OrgCircuit()
        for _ in 0..<failures { circuit.end(.failed(code), now: Self.start, chance: 0.5) }
        return circuit
    }

    @Test(arguments: [
        SalesforceError.Code.serverUnavailable, .requestLimit, .timedOut, .unreachable, .interrupted,
    ])
    func `calls stop after several failures in a row`(code: SalesforceError.Code) {
        var before = failing(OrganizationsLimits.circuitFailures - 1, code)
        #expect(before.refusal(now: Self.start) == nil)
        var after = failing(OrganizationsLimits.circuitFailures, code)
        #expect(after.refusal(now: Self.start) == Self.start + .seconds(5))
    }

    @Test func `errors of single calls never stop the others`() {
        var circuit = failing(100, .invalidField)
        #expect(circuit.refusal(now: Self.start) == nil)
        circuit = failing(OrganizationsLimits.circuitFailures - 1)
        circuit.end(.answered, now: Self.start, chance: 0.5)
        circuit.end(.failed(.timedOut), now: Self.start, chance: 0.5)
        #expect(circuit.refusal(now: Self.start) == nil)
    }

    @Test func `after a pause one probe is sent, a failed one is followed by a longer pause`() {
        var circuit = failing(OrganizationsLimits.circuitFailures + 10)
        var now = Self.start
        for seconds in [5, 10, 20, 40] {
            #expect(circuit.refusal(now: now) == now + .seconds(seconds))
            now += .seconds(seconds)
            #expect(circuit.refusal(now: now) == nil)
            #expect(circuit.refusal(now: now) == now + OrganizationsLimits.circuitProbe)
            circuit.end(.failed(.timedOut), now: now, chance: 0.5)
        }
        now += .seconds(80)
        #expect(circuit.refusal(now: now) == nil)
        circuit.end(.answered, now: now, chance: 0.5)
        #expect(circuit == OrgCircuit())
    }

    @Test func `a cancelled probe is followed by another one at once`() {
        var circuit = failing(OrganizationsLimits.circuitFailures)
        let probe = Self.start + .seconds(5)
        #expect(circuit.refusal(now: probe) == nil)
        circuit.end(.cancelled, now: probe, chance: 0.5)
        #expect(circuit.refusal(now: probe) == nil && circuit.refusal(now: probe) != nil)
    }

    @Test func `a probe without an end does not stop the org for ever`() {
        var circuit = failing(OrganizationsLimits.circuitFailures)
        let probe = Self.start + .seconds(5)
        #expect(circuit.refusal(now: probe) == nil)
        #expect(circuit.refusal(now: probe + OrganizationsLimits.circuitProbe) == nil)
    }
}

@Suite(.tags(.store))
struct APIUsageTests {
    @Test func `calls are counted by org, object and kind, and the last use is kept`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await tenancy.organization().id
            let usage = APIUsage()
            let gate = usage.gate(for: organization, CallPurpose(.poll, "Account"))
            for _ in 0..<3 { try gate.admit() }
            try usage.gate(for: organization, CallPurpose(.setup)).admit()
            try usage.gate(for: .init(), CallPurpose(.poll)).admit()
            usage.note(LimitInfo(used: 7, allowed: 1_000), of: organization)
            usage.note(LimitInfo(used: 9, allowed: 1_000), of: .init())
            try await usage.flush(to: tenancy.pool)
            try gate.admit()
            try await usage.flush(to: tenancy.pool)
            try await usage.flush(to: tenancy.pool)
            try await tenancy.pool.withConnection { connection in
                let store = UsageStore(on: connection)
                let calls = try await store.calls(of: organization, since: .seconds(86_400))
                #expect(calls.map(\.calls) == [4, 1])
                #expect(calls.map(\.key.purpose) == [CallPurpose(.poll, "Account"), CallPurpose(.setup)])
                #expect(try await store.latest(of: organization)?.used == 7)
            }
        }
    }

    @Test func `a refused call has its own error and the time to try again, and is not counted`() async throws
    {
        let usage = APIUsage(reservePercent: 50)
        let (full, failing) = (UUID(), UUID())
        usage.note(LimitInfo(used: 500, allowed: 1_000), of: full)
        let held = #expect(throws: SalesforceError.self) {
            try usage.admit(CallPurpose(.import), full, now: .now)
        }
        #expect(held?.code == .heldBack && (800...901).contains(held?.retryAfterSeconds ?? 0))
        let gate = usage.gate(for: failing, CallPurpose(.poll))
        for _ in 0..<OrganizationsLimits.circuitFailures { gate.end(.failed(.unreachable)) }
        let open = #expect(throws: SalesforceError.self) { try gate.admit() }
        #expect(open?.code == .circuitOpen && (1...7).contains(open?.retryAfterSeconds ?? 0))
        // Another org is not affected.
        try usage.gate(for: UUID(), CallPurpose(.import)).admit()
        #expect(usage.pollingFactor(of: full) == 8 && usage.pollingFactor(of: failing) == 1)
    }

    @Test func `a mapping that has used its daily calls is not polled, imported or repaired`() throws {
        let (usage, organization) = (APIUsage(), UUID())
        let poll = CallPurpose(.poll, "ns__Thing__c")
        try usage.admit(poll, organization, now: .now)
        // A call that is not written yet counts, under either name of the object.
        let names: Set = ["Thing__c", "ns__Thing__c"]
        usage.setCaps(
            [DailyCallCap(objects: names, maximum: 5, used: 2)], replacing: names, of: organization)
        try usage.admit(CallPurpose(.reread, "Thing__c"), organization, now: .now)
        try usage.admit(poll, organization, now: .now)
        for purpose in [poll, CallPurpose(.import, "Thing__c"), CallPurpose(.repair, "Thing__c")] {
            let error = #expect(throws: SalesforceError.self) {
                try usage.admit(purpose, organization, now: .now)
            }
            #expect(error?.code == .dailyCalls && error?.isTransient == true)
            #expect(error?.retryAfterSeconds == 15 * 60)
        }
        // Events and re-reads, other objects and other orgs continue.
        try usage.admit(CallPurpose(.reread, "Thing__c"), organization, now: .now)
        try usage.admit(CallPurpose(.stream), organization, now: .now)
        try usage.admit(CallPurpose(.poll, "Account"), organization, now: .now)
        try usage.admit(poll, UUID(), now: .now)
        usage.setCaps([], replacing: ["Thing__c"], of: organization)
        try usage.admit(poll, organization, now: .now)
    }

    @Test func `the use of an org is unknown until a report, and some time after it`() {
        let (usage, organization, now) = (APIUsage(), UUID(), ContinuousClock.now)
        #expect(usage.isUseUnknown(of: organization))
        usage.note(LimitInfo(used: 1, allowed: 10), of: organization)
        #expect(!usage.isUseUnknown(of: organization, now: now))
        #expect(usage.isUseUnknown(of: organization, now: now + .seconds(11 * 60)))
    }
}
