import SampleDescribes
import Testing

@testable import TenantSchema

/// Tables that differ from their plan, and the repairs for values that do not fit.
struct DriftTests {
    private let plan: ImportPlan = {
        let fields = ["Name", "NumberOfEmployees", "AccountNumber"]
        let table = TablePlan(
            Describes.account,
            MappingConfiguration(
                access: .readOnly, fields: fields, indexes: ["Name": false, "AccountNumber": true]),
            resolver: NameResolver(namespace: nil))
        return ImportPlan(
            table,
            ddl: TenantDDL(schema: "salesforce00d", hstoreSchema: "public", organizationID: "00D"))
    }()

    private var planned: TableShape {
        TableShape(
            types: Dictionary(uniqueKeysWithValues: zip(plan.columns, plan.types)),
            indexes: Set(([plan.keyIndex].compactMap(\.self) + plan.indexes).map(\.name)))
    }

    private func index(_ column: String) throws -> TablePlan.Index {
        try #require(plan.indexes.first { $0.column == column })
    }

    @Test func `values that fit need no repair`() {
        let measures = TableRepair.Measures(
            sizes: ["name": 255, "numberofemployees": 0], bytes: ["name": 1_000])
        #expect(TableRepair.needed(by: measures, plan, planned).isEmpty)
        #expect(planned.differences(from: plan).isEmpty)
    }

    @Test func `a larger value widens its column, and a value that is too long for an index drops the index`()
        throws
    {
        let measures = TableRepair.Measures(
            sizes: ["name": 256, "numberofemployees": 1], bytes: ["name": 2_601, "accountnumber": 2_600])
        #expect(
            TableRepair.needed(by: measures, plan, planned) == [
                .widen(column: "name", to: .text), .widen(column: "numberofemployees", to: .bigint),
                .drop(try index("name")),
            ])
    }

    @Test func `a column that was widened before is not widened again`() {
        var shape = planned
        shape.types["name"] = .text
        let measures = TableRepair.Measures(sizes: ["name": 9_999])
        #expect(TableRepair.needed(by: measures, plan, shape).isEmpty)
    }

    @Test func `an index whose values repeat becomes the same plain index in a repair as in a new table`()
        throws
    {
        let unique = try index("accountnumber")
        let statements = TableRepair.relax(unique).statements(plan)
        #expect(
            statements == [
                #"drop index if exists "salesforce00d"."hcu_idx_account_accountnumber""#,
                #"create index if not exists "hc_idx_account_accountnumber" on "salesforce00d"."account" ("accountnumber")"#,
            ])
        #expect(unique.create(on: plan.table).contains(statements[1]))
    }

    @Test func `a dropped index is dropped in both forms`() throws {
        #expect(
            TableRepair.drop(try index("accountnumber")).statements(plan) == [
                #"drop index if exists "salesforce00d"."hcu_idx_account_accountnumber", "salesforce00d"."hc_idx_account_accountnumber""#
            ])
    }

    @Test func `operators read what differs and why`() throws {
        var shape = planned
        shape.types["numberofemployees"] = .doublePrecision
        shape.types["name"] = .text
        shape.indexes = ["hc_idx_account_accountnumber"]
        #expect(
            shape.differences(from: plan) == [
                "the column name is text instead of varchar(255), because of larger values",
                "the column numberofemployees is double precision instead of integer, because of larger values",
                "the index hcu_idx_account_sfid is missing: another object of the schema has its name, or somebody dropped it",
                "the index hc_idx_account_name is left out, because a value is too long for it",
                "the index hc_idx_account_systemmodstamp is missing: another object of the schema has its name, or somebody dropped it",
                "the index hcu_idx_account_accountnumber is not unique and called hc_idx_account_accountnumber, because values repeat",
            ])
    }

    @Test func `a relation that cannot be the table is named with what to do`() {
        func problem(_ kind: String, missing: String? = nil) -> String? {
            TableObstruction(kind: kind, missingColumns: missing)?.problem("account", in: "salesforce00d")
        }
        #expect(
            problem("m", missing: "_hc_err, id")
                == "salesforce00d.account is a materialized view, not a table: rename or drop it, then retry")
        #expect(problem("r", missing: "_hc_err")?.hasPrefix("salesforce00d.account exists without") == true)
        #expect(problem("r") == nil)
    }

    @Test func `a database is told everything that it lacks`() {
        var facts = DatabaseFacts(
            serverVersion: 150_000, encoding: "UTF8", mayCreateSchema: true, mayStage: true,
            mayUsePublic: true,
            markerOwner: nil, hstoreSchema: "public", mayUseHstore: true)
        #expect(facts.obstacles(schema: "s").isEmpty)
        facts.serverVersion = 130_000
        facts.encoding = "LATIN1"
        facts.mayStage = false
        #expect(
            facts.obstacles(schema: "s") == [
                "Postgres 14 or later is needed", "the database's encoding is LATIN1, not UTF8",
                "the role may not create temporary tables",
            ])
    }
}
