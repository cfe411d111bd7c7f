import Encoding
import Testing

@testable import TenantSchema

struct MappingSettingsTests {
    private static let base = MappingConfiguration(access: .readOnly, fields: ["Id", "Name"])

    @Test(arguments: [
        ("access", "read_write"), ("sf_polling_seconds", "10"), ("sf_notify_enabled", "true"),
        ("sf_max_daily_api_calls", "500"), ("upsert_field", "Key__c"), ("filter", "Type = 'A' OR (X > 1)"),
        ("numeric", "true"), ("save_duplicates", "true"),
    ])
    func `a setting is changed by its name in the export format, and nothing else changes`(
        name: String, value: String
    ) throws {
        var changed = Self.base
        #expect(changed.set(name, to: value) == nil)
        #expect(
            changed.settings.filter { !Self.base.settings.contains($0) } == [.init(name: name, value: value)])
        // The file of an import has the same change.
        let read = try MappingConfiguration(changed.json, path: "config")
        #expect(read == changed && Self.base.differences(to: read).count == 1)
    }

    @Test(arguments: ["upsert_field", "filter", "sf_max_daily_api_calls"])
    func `none removes an optional setting`(name: String) {
        var changed = Self.base
        #expect(changed.set(name, to: "12") == nil)
        #expect(changed.set(name, to: "none") == nil)
        #expect(changed == Self.base)
    }

    @Test(arguments: [
        ("access", "write", "access must be"), ("sf_polling_seconds", "9", "from 10"),
        ("sf_polling_seconds", "often", "not often"), ("sf_max_daily_api_calls", "0", "positive"),
        ("filter", "Name = 'A", "closing quote"), ("filter", "X) OR (Y", "parenthesis"),
        ("numeric", "yes", "true or false"), ("fields", "Name", "settings are access, "),
    ])
    func `an invalid value changes nothing and is explained`(name: String, value: String, part: String) {
        var changed = Self.base
        #expect(changed.set(name, to: value)?.contains(part) == true)
        #expect(changed == Self.base)
    }

    @Test(arguments: [
        (
            #"{"sf_polling_seconds":90}"#, #"{"A__c":{},"B__c":{"numeric":true}}"#,
            #"{"B__c":{"unique":true}}"#
        ),
        (
            #"{"fields":{"C__c":{}}}"#, #"{"A__c":{},"B__c":{"numeric":true},"C__c":{}}"#,
            #"{"B__c":{"unique":true}}"#
        ),
        (#"{"fields":{"b__C":null}}"#, #"{"A__c":{}}"#, "{}"),
        (
            #"{"fields":{"b__c":{"access":"read_only"}},"indexes":{"A__c":{}}}"#,
            #"{"A__c":{},"B__c":{"access":"read_only","numeric":true}}"#,
            #"{"A__c":{},"B__c":{"unique":true}}"#
        ),
        (#"{"fields":{"B__c":{"numeric":null}},"indexes":{"B__c":null}}"#, #"{"A__c":{},"B__c":{}}"#, "{}"),
    ])
    func `changes of a configuration keep what they do not name`(
        changes: String, fields: String, indexes: String
    ) throws {
        let stored = try JSONValue(
            parsing: Array(
                #"""
                {"access":"read_only","fields":{"A__c":{},"B__c":{"numeric":true}},
                "indexes":{"B__c":{"unique":true}},"filter":"X = 1","other":[1]}
                """#.utf8))
        let merged = MappingConfiguration.merged(stored, with: try JSONValue(parsing: Array(changes.utf8)))
        #expect(merged["fields"]?.serialized == fields)
        #expect(merged["indexes"]?.serialized == indexes)
        #expect(merged["access"] == stored["access"] && merged["other"] == stored["other"])
        let without = MappingConfiguration.merged(stored, with: .object(["filter": .null]))
        #expect(without["filter"] == nil && without["fields"] == stored["fields"])
    }

    @Test func `a unique identifier is one of the fields, unless it was none before`() {
        var changed = Self.base
        changed.upsertField = "name"
        #expect(changed.identifierProblem(replacing: nil) == nil)
        changed.upsertField = "Key__c"
        #expect(changed.identifierProblem(replacing: Self.base)?.contains("Key__c") == true)
        #expect(changed.identifierProblem(replacing: nil) != nil)
        var later = changed
        later.pollingSeconds = 60
        #expect(later.identifierProblem(replacing: changed) == nil)
        var mapped = changed
        mapped.fields = ["Id", "Key__c", "Name"]
        #expect(changed.identifierProblem(replacing: mapped) != nil, "its field was removed")
    }
}
