import Encoding
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
        checkup.versions = [APIVersion(31), APIVersion(60), APIVersion(66)]
        checkup.rowsInHour = 100
        checkup.connections = .init(used: 10, maximum: 97)
        checkup.mappings = ["Account", "Thing__c"].map { name in
            var facts = Checkup.MappingFacts(objectName: name)
            facts.fields = 20
            facts.pollingSeconds = 600
            facts.upsertField = name == "Account" ? nil : "Key__c"
            facts.table = .init(longTexts: 1, indexed: ["sfid", "key__c"])
            return facts
        }
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
        checkup.findings.filter { [.advice, .missing].contains($0.level) }
            .map { "\($0.level.rawValue) \($0.text)" }
    }

    @Test func `an org with everything has good findings only, and no message`() {
        #expect(open(complete()).isEmpty && complete().message == nil)
        #expect(complete().findings.count { $0.level == .good } == 21)
        // Heroku's own rules, and the unique identifier that one mapping does not have.
        #expect(complete().findings.count { $0.level == .skipped } == 5)
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

    @Test func `each rule about mappings and tables has a finding`() throws {
        func rules(_ change: (inout Checkup) -> Void) -> [CheckupRule] {
            var checkup = complete()
            change(&checkup)
            return checkup.findings.filter { [.advice, .missing].contains($0.level) }.map(\.rule)
        }
        #expect(rules { $0.versions = [APIVersion(61), APIVersion(66)] } == [.apiVersion])
        #expect(rules { $0.versions = [APIVersion(58), APIVersion(60)] } == [.apiVersion])
        #expect(rules { $0.connections?.used = 80 } == [.connections])
        #expect(rules { $0.mappings[0].fields = 301 } == [.fieldCount])
        #expect(rules { $0.mappings[0].table?.longTexts = 21 } == [.longTextCount])
        #expect(rules { $0.mappings[1].table?.indexed = ["sfid"] } == [.upsertIndex])
        #expect(rules { $0.mappings[1].table?.indexed = ["ns__key__c"] } == [])
        for (kind, rule) in [
            ("wide_row", CheckupRule.rowWidth), ("unsuitable_index", .indexedText),
            ("unknown_field", .mappedNames),
        ] {
            #expect(rules { $0.mappings[0].problems = [.init(kind: kind, message: "x")] } == [rule])
        }
        #expect(
            rules { $0.mappings = (0...100).map { .init(objectName: "Thing\($0)__c") } }
                == [.changeEvents, .mappingCount])
        // 100,000 rows an hour are 16,667 in ten minutes, but events bring those of Account.
        #expect(rules { $0.rowsInHour = 100_000 } == [])
        #expect(
            rules {
                $0.rowsInHour = 100_000
                $0.selected = ["Account"]
            } == [.changeEvents, .pollingInterval])
    }

    @Test func `an object that is not synced is missing, and a paused column is named once`() {
        var checkup = complete()
        checkup.mappings[0].obstacle = "the org has no object Account"
        #expect(open(checkup) == ["missing Account is not synced: the org has no object Account."])
        checkup.mappings[0].obstacle = nil
        checkup.mappings[0].problems = [
            .init(kind: "paused_column", message: "x__c is not synced: Account has no field X__c"),
            .init(kind: "unknown_field", message: "Account has no field X__c"),
            .init(kind: "unknown_field", message: "Account has no field Y__c"),
        ]
        #expect(
            open(checkup) == [
                "advice x__c is not synced: Account has no field X__c; Account has no field Y__c."
            ])
    }

    @Test func `the document has the findings of mappings apart`() throws {
        var checkup = complete()
        checkup.mappings[0].problems = [.init(kind: "unknown_object", message: "no Account")]
        let document = try JSONValue(parsing: checkup.document.encoded)
        #expect(document["errors"]?.array?.isEmpty == true)
        #expect(document["skips"]?.array?.count == 4)
        let mapping = try #require(document["mappings"]?["Account"])
        let error = try #require(mapping["errors"]?.array?.first)
        #expect(error["rule_id"]?.string == "MAPPED_NAMES_MUST_EXIST")
        #expect(error["status"]?.string == "FAILED")
        #expect(error["message"]?.string == "no Account. Change the mapping or the org.")
        let own = try #require(checkup.document(ofMapping: "account"))
        #expect(try JSONValue(parsing: own.encoded) == mapping)
        #expect(checkup.document(ofMapping: "Lead") == nil)
    }

    @Test func `facts that cannot be read are advice, and the admin's text has no database`() {
        let empty = open(Checkup())
        #expect(empty.count == 4 && empty.last == "missing The tenant's database does not answer.")
        var checkup = complete()
        checkup.obstacles = ["the extension hstore is not installed"]
        #expect(open(checkup).count == 1 && checkup.message == nil)
    }
}
