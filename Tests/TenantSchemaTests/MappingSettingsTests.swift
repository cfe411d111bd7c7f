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
}
