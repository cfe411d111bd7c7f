import Encoding
import Organizations
import Testing

struct ConnectionSettingsTests {
    private func features(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test func `the features of an export of Heroku Connect are applied without a warning`() throws {
        var settings = ConnectionSettings()
        let report = settings.apply(
            features: try features(
                """
                {"disable_bulk_writes":true,"poll_db_no_merge":false,"poll_external_ids":false,
                "rest_count_only":false,"ucs_basic_collation_index":false,"use_assignment_rules":false}
                """))
        #expect(report.changes == ["disable_bulk_writes false -> true", "poll_db_no_merge true -> false"])
        #expect(report.warnings.isEmpty && report.problems.isEmpty)
        #expect(settings.isBulkDisabled && !settings.isOrdered && !settings.usesAssignmentRules)
    }

    @Test func `a feature without effect and an unknown one give a warning, the others are applied`() throws {
        var settings = ConnectionSettings()
        let report = settings.apply(
            features: try features(
                #"{"poll_db_no_merg":false,"poll_external_ids":true,"use_assignment_rules":"True"}"#))
        #expect(
            report.warnings == [
                "connection.features.poll_db_no_merg: unknown feature, ignored",
                "connection.features.poll_external_ids: has no effect",
            ])
        #expect(report.changes == ["use_assignment_rules false -> true"])
        #expect(settings.isOrdered)
    }

    @Test(arguments: [
        (#"{"write_calls":0}"#, "write_calls: write_calls must be a number from 1 to 25"),
        (#"{"poll_db_no_merge":"maybe"}"#, "poll_db_no_merge: poll_db_no_merge must be true or false"),
        (#"{"poll_db_no_merge":[true]}"#, "poll_db_no_merge: poll_db_no_merge must be true or false"),
    ])
    func `a value that a setting cannot have is a problem`(_ text: String, _ problem: String) throws {
        var settings = ConnectionSettings()
        let report = settings.apply(features: try features(text))
        #expect(report.problems == ["connection.features.\(problem)"])
        #expect(settings == ConnectionSettings())
    }

    @Test func `features that are missing or no object change nothing`() throws {
        var settings = ConnectionSettings()
        for features in [nil, JSONValue.null] {
            let report = settings.apply(features: features)
            #expect(report.changes.isEmpty && report.warnings.isEmpty && report.problems.isEmpty)
        }
        let report = settings.apply(features: .array([]))
        #expect(report.problems == ["connection.features: must be an object"])
        #expect(settings == ConnectionSettings())
    }

    @Test func `exported features set another connection to the same settings`() throws {
        var settings = ConnectionSettings()
        #expect(settings.set("write_calls", to: "3") == nil)
        #expect(settings.set("poll_db_no_merge", to: "false") == nil)
        #expect(settings.features.object?.count == settings.list.count)
        #expect(settings.features["write_calls"] == .number("3"))
        #expect(settings.features["poll_db_no_merge"] == .bool(false))
        var other = ConnectionSettings()
        #expect(other.set("write_notify", to: "false") == nil)
        let report = other.apply(features: settings.features)
        #expect(other == settings && report.changes.count == 3 && report.problems.isEmpty)
    }

    @Test func `an unknown setting and a value out of range are refused with the choices`() {
        var settings = ConnectionSettings()
        #expect(settings.set("calls", to: "1")?.hasPrefix("unknown setting calls; settings: bulk_") == true)
        #expect(settings.set("write_calls", to: "26") == "write_calls must be a number from 1 to 25")
        #expect(settings.set("write_notify", to: "1") == "write_notify must be true or false")
        #expect(settings == ConnectionSettings())
    }
}
