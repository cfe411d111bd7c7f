import Testing

@testable import Replication

/// What a comparison leads to: a table of cases.
struct RepairPlanTests {
    /// 10,000 rows on both sides, counted, by a user with View All Data.
    private static func findings(_ change: (inout RepairPlan.Findings) -> Void = { _ in })
        -> RepairPlan.Findings
    {
        var findings = RepairPlan.Findings(
            rowsHere: 10_000, rowsThere: 10_000, processed: 10_000, counts: 10_000...10_000, hasViewAll: true)
        change(&findings)
        return findings
    }

    private static func plan(_ change: (inout RepairPlan.Findings) -> Void) -> RepairPlan {
        RepairPlan(findings(change))
    }

    @Test func `equal tables need nothing`() {
        let plan = Self.plan { _ in }
        #expect(plan.corrections == .none)
        #expect(plan.removals == .none)
    }

    @Test func `missing and different rows are read again without any guard`() {
        let plan = Self.plan {
            $0.missingHere = 3
            $0.different = 4
            $0.hasViewAll = false
            $0.counts = nil
        }
        #expect(plan.corrections == .reread)
        #expect(plan.removals == .none)
    }

    @Test func `many differences cost fewer calls as a reload`() {
        #expect(Self.plan { $0.different = RepairLimits.rereads }.corrections == .reread)
        #expect(Self.plan { $0.different = RepairLimits.rereads + 1 }.corrections == .reload)
    }

    @Test(arguments: [
        (0, 100), (100, 100), (9_999, 100), (10_000, 100), (10_100, 101), (1_000_000, 10_000),
    ])
    func `at most 100 rows or 1 percent may be removed without an operator`(rows: Int, allowed: Int) {
        #expect(RepairPlan.allowed(of: rows) == allowed)
    }

    @Test func `rows that the org lacks are retrieved before they count as deleted`() {
        #expect(Self.plan { $0.missingThere = 100 }.removals == .retrieve)
    }

    @Test func `too many missing rows wait for an operator`() {
        let removals = Self.plan { $0.missingThere = 101 }.removals
        #expect(removals == .withheld(.tooMany(rows: 101, allowed: 100)))
        let confirmed = Self.plan {
            $0.missingThere = 101
            $0.isConfirmed = true
        }
        #expect(confirmed.removals == .retrieve)
    }

    @Test(arguments: [true, false])
    func `a user who lost View All Data removes nothing, even with a confirmation`(isConfirmed: Bool) {
        let removals = Self.plan {
            $0.missingThere = 1
            $0.hasViewAll = false
            $0.isConfirmed = isConfirmed
        }.removals
        #expect(removals == .withheld(.viewAllMissing))
        let unknown = Self.plan {
            $0.missingThere = 1
            $0.hasViewAll = nil
            $0.isConfirmed = isConfirmed
        }.removals
        #expect(unknown == .withheld(.rightsUnknown))
    }

    @Test(arguments: [true, false])
    func `a result with fewer rows than Salesforce processed removes nothing`(isConfirmed: Bool) {
        let removals = Self.plan {
            $0.missingThere = 1
            $0.rowsThere = 9_999
            $0.isConfirmed = isConfirmed
        }.removals
        #expect(removals == .withheld(.incompleteRead(rows: 9_999, processed: 10_000)))
    }

    @Test func `a count of the org that differs from the read removes nothing`() {
        let removals = Self.plan {
            $0.missingThere = 1
            $0.counts = 10_001...10_002
        }.removals
        #expect(removals == .withheld(.otherCount(rows: 10_000, counts: 10_001...10_002)))
    }

    @Test func `counts may differ by the changes that were applied during the read`() {
        let removals = Self.plan {
            $0.missingThere = 1
            $0.counts = 10_001...10_002
            $0.appliedDuringRead = 1
        }.removals
        #expect(removals == .retrieve)
    }

    @Test func `an org that cannot count needs an operator`() {
        let counted: (inout RepairPlan.Findings) -> Void = {
            $0.missingThere = 1
            $0.counts = nil
        }
        #expect(Self.plan(counted).removals == .withheld(.notCounted))
        let confirmed = Self.plan {
            counted(&$0)
            $0.isConfirmed = true
        }
        #expect(confirmed.removals == .retrieve)
    }

    @Test func `only reasons that an operator can judge are confirmable`() {
        #expect(RepairPlan.Reason.tooMany(rows: 2, allowed: 1).isConfirmable)
        #expect(RepairPlan.Reason.notCounted.isConfirmable)
        #expect(!RepairPlan.Reason.viewAllMissing.isConfirmable)
        #expect(!RepairPlan.Reason.incompleteRead(rows: 1, processed: 2).isConfirmable)
    }
}
