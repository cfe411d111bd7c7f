import Encoding
import Salesforce
import SampleDescribes
import Testing

@testable import TenantSchema

/// What follows when the org's fields or the mapping change.
struct SchemaDriftTests {
    private let resolver = NameResolver(namespace: nil)
    private let ddl = TenantDDL(schema: "s", hstoreSchema: "public", organizationID: "00D")

    private func plan(
        _ fields: [(String, FieldType, Int)], mapped: [String]? = nil,
        access: MappingConfiguration.Access = .readOnly,
        indexes: [String: Bool] = [:], filter: String? = nil
    ) -> (TablePlan, MappingConfiguration) {
        let configuration = MappingConfiguration(
            access: access, fields: mapped ?? ["A__c", "B__c", "C__c"], indexes: indexes, filter: filter)
        let describe = Describes.object("T__c", fields.map { Describes.field($0.0, $0.1, length: $0.2) })
        return (TablePlan(describe, configuration, resolver: resolver), configuration)
    }

    private func shape(_ plan: TablePlan) -> TableShape {
        TableShape(
            types: Dictionary(uniqueKeysWithValues: plan.columns.map { ($0.name, $0.type) }), indexes: [])
    }

    private func drift(
        _ old: (TablePlan, MappingConfiguration), _ new: (TablePlan, MappingConfiguration),
        paused: [String: String] = [:], shape: TableShape? = nil, unsent: Set<String> = []
    ) -> SchemaDrift {
        SchemaDrift(
            old.0, paused: paused, fresh: new.0, shape: shape ?? self.shape(old.0), new.1, resolver,
            unsent: unsent)
    }

    private let base: [(String, FieldType, Int)] = [
        ("A__c", .string, 40), ("B__c", .int, 0), ("C__c", .date, 0),
    ]

    @Test func `an unchanged org changes nothing`() {
        #expect(drift(plan(base), plan(base)).isEmpty)
    }

    @Test(arguments: [
        // A longer text, a long text, a shorter text.
        (FieldType.string, 40, FieldType.string, 80, ColumnType.Fit.widens(.varchar(80))),
        (.string, 40, .textArea, 32_000, .widens(.text)), (.string, 80, .string, 40, .fits),
        (.textArea, 32_000, .string, 255, .fits), (.string, 255, .picklist, 255, .fits),
        // Numbers.
        (.int, 0, .long, 0, .widens(.bigint)), (.int, 0, .double, 0, .widens(.doublePrecision)),
        (.long, 0, .double, 0, .widens(.numeric)), (.double, 0, .int, 0, .fits),
        (.currency, 0, .percent, 0, .fits), (.date, 0, .dateTime, 0, .widens(.timestamp)),
        (.dateTime, 0, .date, 0, .fits),
        // Values of another kind.
        (.string, 40, .double, 0, .differs), (.double, 0, .string, 40, .differs),
        (.boolean, 0, .string, 40, .differs), (.date, 0, .time, 0, .differs),
    ])
    func `a retyped field widens its column, fits it or pauses it`(
        old: FieldType, oldLength: Int, new: FieldType, length: Int, fit: ColumnType.Fit
    ) {
        let before = plan([("A__c", old, oldLength)], mapped: ["A__c"])
        let result = drift(before, plan([("A__c", new, length)], mapped: ["A__c"]))
        switch fit {
        case .fits: #expect(result.isEmpty)
        case .widens(let type):
            #expect(result.widenings == [SchemaDrift.Widening(column: "a__c", type: type)])
            #expect(result.newlyPaused.isEmpty)
        case .differs:
            #expect(result.widenings.isEmpty)
            #expect(Array(result.newlyPaused.keys) == ["a__c"])
            #expect(result.plan.columns.contains { $0.name == "a__c" && $0.type == before.0.columns[0].type })
        }
    }

    @Test func `a column that the import widened is not altered again`() {
        let before = plan(base)
        var wide = shape(before.0)
        wide.types["a__c"] = .text
        let after = plan([("A__c", .string, 80), ("B__c", .int, 0), ("C__c", .date, 0)])
        let result = drift(before, after, shape: wide)
        #expect(result.widenings.isEmpty)
        #expect(result.plan.columns.first { $0.name == "a__c" }?.type == .varchar(80))
    }

    @Test func `a removed or hidden field pauses its column and keeps the rest`() {
        let result = drift(plan(base), plan([("A__c", .string, 40), ("C__c", .date, 0)]))
        #expect(result.newlyPaused == ["b__c": "T__c has no field B__c, or the user may not see it"])
        #expect(result.plan.columns.contains { $0.name == "b__c" })
        #expect(result.backfill.isEmpty)
        // The next check has nothing to do.
        let again = SchemaDrift(
            result.plan, paused: result.paused, fresh: plan([("A__c", .string, 40), ("C__c", .date, 0)]).0,
            shape: shape(result.plan), plan(base).1, resolver)
        #expect(again.isEmpty)
    }

    @Test func `a field that is back is read again and filled`() {
        let result = drift(plan(base), plan(base), paused: ["b__c": "gone"])
        #expect(result.resumed == ["b__c"])
        #expect(result.paused.isEmpty)
        #expect(result.backfill == ["b__c"])
    }

    @Test func `a field that is back with a longer type is read after the column is altered`() {
        let after = plan([("A__c", .string, 80), ("B__c", .int, 0), ("C__c", .date, 0)])
        let result = drift(plan(base), after, paused: ["a__c": "a view uses it"])
        #expect(result.resumed.isEmpty)
        #expect(result.paused == ["a__c": "a view uses it"])
        #expect(result.widenings.count == 1)
    }

    @Test func `a mapped field that the org has now gets a column that is filled`() {
        let before = plan([("A__c", .string, 40)])
        #expect(before.0.problems.map(\.name) == ["B__c", "C__c"])
        let result = drift(before, plan(base))
        #expect(result.added.map(\.name) == ["b__c", "c__c"])
        #expect(result.backfill == ["b__c", "c__c"])
        #expect(result.plan.problems.isEmpty)
        #expect(
            ddl.add(result.added, to: result.plan).first?.contains(
                #"add column if not exists "b__c" integer"#) == true)
    }

    @Test func `a field that is not mapped any more leaves the plan, unless local changes wait to be sent`() {
        let after = plan(base, mapped: ["A__c", "C__c"])
        let result = drift(plan(base), after)
        #expect(result.removed == ["b__c"])
        #expect(!result.plan.columns.contains { $0.name == "b__c" })
        #expect(result.newlyPaused.isEmpty)
        let waiting = drift(plan(base), after, unsent: ["b__c"])
        #expect(waiting.waiting == ["b__c"])
        #expect(waiting.plan.columns.contains { $0.name == "b__c" })
    }

    @Test func `a field that is mapped again uses its old column`() {
        let before = plan(base, mapped: ["A__c", "C__c"])
        var wide = shape(before.0)
        wide.types["b__c"] = .integer
        let result = drift(before, plan(base), shape: wide)
        #expect(result.added.map(\.name) == ["b__c"])
        #expect(result.backfill == ["b__c"])
        wide.types["b__c"] = .boolean
        let other = drift(before, plan(base), shape: wide)
        #expect(Array(other.newlyPaused.keys) == ["b__c"])
        #expect(other.backfill.isEmpty)
    }

    @Test func `indexes, access and row filter of the mapping are compared`() {
        let before = plan(base, indexes: ["A__c": false, "B__c": false])
        let after = plan(base, access: .readWrite, indexes: ["A__c": true], filter: "A__c != null")
        let result = drift(before, after)
        #expect(result.addedIndexes.map(\.name) == ["hcu_idx_t__c_a__c"])
        #expect(result.droppedIndexes.map(\.name) == ["hc_idx_t__c_a__c", "hc_idx_t__c_b__c"])
        #expect(result.isAccessChanged)
        #expect(result.isFilterChanged)
        #expect(result.plan.filter == "A__c != null")
    }

    @Test func `exact numbers are filled again, because the column had rounded them`() throws {
        let before = plan([("A__c", .double, 0)], mapped: ["A__c"])
        var exact = before.1
        exact.isNumeric = true
        let describe = Describes.object("T__c", [Describes.field("A__c", .double)])
        let fresh = TablePlan(describe, exact, resolver: resolver)
        let widening = try #require(drift(before, (fresh, exact)).widenings.first)
        #expect(widening == SchemaDrift.Widening(column: "a__c", type: .numeric))
        #expect(before.0.isRounded(before: widening))
    }

    @Test func `a mapping file adds and changes mappings, and leaves the others`() {
        let account = MappingConfiguration(
            access: .readOnly, fields: ["Name", "Phone"], indexes: ["Name": false])
        var changed = account
        changed.fields = ["Fax", "Name"]
        changed.access = .readWrite
        changed.other["revision"] = .number("9")
        let file = MappingFile(mappings: [
            MappingFile.Entry(objectName: "account", configuration: changed),
            MappingFile.Entry(objectName: "Case", configuration: account),
            MappingFile.Entry(objectName: "Lead", configuration: account),
        ])
        let changes = MappingChange.changes(
            from: ["Account": account, "Contact": account, "Lead": account], to: file)
        #expect(changes.map(\.kind) == [.new, .unchanged, .changed])
        #expect(changes.last?.details == ["+Fax", "-Phone", "access read_only -> read_write"])
    }

    @Test func `a column that the table lacks is created again with its index, as the field is now`() {
        let old = plan(base, indexes: ["A__c": true])
        let longer = plan(
            [("A__c", .string, 80), ("B__c", .int, 0), ("C__c", .date, 0)], indexes: ["A__c": true])
        var shape = shape(old.0)
        shape.types["sfid"] = .varchar(18)
        shape.indexes = Set(old.0.indexes.map(\.name))
        #expect(drift(old, old, shape: shape).isEmpty)
        shape.types["a__c"] = nil
        let lost = drift(old, longer, shape: shape)
        #expect(!lost.isEmpty)
        #expect(lost.lost.map(\.name) == ["a__c"])
        #expect(lost.lost.map(\.type) == [.varchar(80)])
        #expect(lost.addedIndexes.map(\.column) == ["a__c"])
        #expect(lost.widenings.isEmpty && lost.newlyPaused.isEmpty)
        // A field that the org does not have either is paused, as always.
        let gone = drift(old, plan(Array(base.dropFirst()), mapped: ["A__c", "B__c", "C__c"]), shape: shape)
        #expect(gone.lost.isEmpty && gone.newlyPaused.keys.contains("a__c"))
    }

    @Test func `a missing index of sfid is built again, and other indexes may be left out`() {
        let old = plan(base, indexes: ["A__c": true])
        var shape = shape(old.0)
        shape.types["sfid"] = .varchar(18)
        #expect(drift(old, old, shape: shape).addedIndexes.map(\.name) == ["hcu_idx_t__c_sfid"])
        shape.indexes = ["hc_idx_t__c_sfid"]
        #expect(drift(old, old, shape: shape).isEmpty, "values repeat")
    }
}
