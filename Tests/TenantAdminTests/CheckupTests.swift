import Testing

@testable import Salesforce
@testable import TenantAdmin

/// The findings of a check.
struct CheckupTests {
    private func complete() -> Checkup {
        var checkup = Checkup()
        checkup.username = "ann@acme.example"
        checkup.rights = UserRights(granted: [.apiEnabled, .viewAllData, .modifyAllData])
        checkup.writes = .planned
        checkup.objects = ["Account", "Thing__c"]
        checkup.selected = ["account", "Thing__c"]
        checkup.limits = [
            "DailyApiRequests": OrgLimit(maximum: 1_000, remaining: 500),
            "DailyDeliveredPlatformEvents": OrgLimit(maximum: 50_000, remaining: 49_000),
            "DataStorageMB": OrgLimit(maximum: 100, remaining: 60),
            "Other": OrgLimit(maximum: 1, remaining: 0),
        ]
        checkup.obstacles = []
        return checkup
    }

    private func open(_ checkup: Checkup) -> [String] {
        checkup.findings.filter { $0.level != .good }.map { "\($0.level.rawValue) \($0.text)" }
    }

    @Test func `an org with everything has good findings only, and no message`() {
        #expect(open(complete()).isEmpty && complete().message == nil)
        #expect(complete().findings.count == 6)
    }

    @Test func `missing permissions are named, and writes need one more`() {
        var checkup = complete()
        checkup.rights = UserRights(granted: [.apiEnabled])
        #expect(
            open(checkup) == [
                "missing The user ann@acme.example lacks the permission View All Data.",
                "missing The user ann@acme.example lacks the permission Modify All Data.",
            ])
        checkup.writes = .none
        #expect(open(checkup).count == 1)
        #expect(
            checkup.message?.hasPrefix("1. The user ann@acme.example lacks the permission View All Data.")
                == true)
    }

    @Test func `objects without events and scarce limits are advice, a used up limit is missing`() {
        var checkup = complete()
        checkup.selected = ["Account"]
        checkup.limits?["DailyApiRequests"] = OrgLimit(maximum: 1_000, remaining: 99)
        checkup.limits?["DataStorageMB"] = OrgLimit(maximum: 100, remaining: 0)
        let found = open(checkup)
        #expect(found.count == 3 && found[0].hasPrefix("advice These objects send no change events"))
        #expect(found[0].hasSuffix("Thing__c."))
        #expect(found[1] == "advice 99 of 1000 API requests of 24 hours are left (9 %).")
        #expect(found[2].hasPrefix("missing 0 of 100 megabytes of data storage"))
    }

    @Test func `facts that cannot be read are advice, and the admin's text has no database`() {
        let empty = open(Checkup())
        #expect(empty.count == 4 && empty.last == "missing The tenant's database does not answer.")
        var checkup = complete()
        checkup.obstacles = ["the extension hstore is not installed"]
        #expect(open(checkup).count == 1 && checkup.message == nil)
    }
}
