import Salesforce
import SampleDescribes
import Testing

@testable import TenantSchema

struct TablePlanTests {
    private let resolver = NameResolver(namespace: nil)

    private func plan(
        _ describe: ObjectDescribe, _ fields: [String], indexes: [String: Bool] = [:], upsert: String? = nil,
        parents: [String: ObjectDescribe] = [:], namespace: String? = nil
    ) -> TablePlan {
        TablePlan(
            describe,
            MappingConfiguration(access: .readWrite, fields: fields, indexes: indexes, upsertField: upsert),
            resolver: NameResolver(namespace: namespace), parents: parents)
    }

    @Test(arguments: [
        (FieldType.id, 18, "varchar(18)"), (.reference, 18, "varchar(18)"), (.string, 255, "varchar(255)"),
        (.string, 0, "text"), (.textArea, 255, "varchar(255)"), (.textArea, 4_099, "varchar(4099)"),
        (.textArea, 32_768, "text"), (.picklist, 40, "varchar(40)"), (.multiPicklist, 4_099, "varchar(4099)"),
        (.comboBox, 255, "varchar(255)"), (.phone, 40, "varchar(40)"), (.email, 80, "varchar(80)"),
        (.url, 255, "varchar(255)"), (.encryptedString, 175, "varchar(175)"), (.boolean, 0, "boolean"),
        (.int, 0, "integer"), (.long, 0, "bigint"), (.double, 0, "double precision"),
        (.currency, 0, "double precision"), (.percent, 0, "double precision"), (.date, 0, "date"),
        (.dateTime, 0, "timestamp without time zone"), (.time, 0, "time without time zone"),
        (.anyType, 0, "text"),
    ])
    func `a field's type becomes the column's`(type: FieldType, length: Int, sql: String) {
        #expect(ColumnType(Describes.field("F__c", type, length: length))?.sql == sql)
    }

    @Test(arguments: [
        FieldType.address, .location, FieldType(rawValue: "complexvalue"), FieldType(rawValue: "base64"),
    ])
    func `a type without a column type is a problem, and the rest is planned`(type: FieldType) {
        let plan = plan(Describes.object("A__c", [Describes.field("F__c", type)]), ["F__c", "CreatedDate"])
        #expect(plan.columns.map(\.name) == ["createddate", "isdeleted", "systemmodstamp"])
        #expect(plan.problems.map(\.kind) == [.unsupportedType])
        #expect(plan.problems.map(\.name) == ["F__c"])
    }

    @Test func `names are lower-cased and the id is the sfid`() {
        let plan = plan(Describes.account, ["Id", "Name", "AccountNumber"])
        #expect(plan.table == "account")
        #expect(plan.columns.map(\.name) == ["accountnumber", "isdeleted", "name", "systemmodstamp"])
        #expect(plan.read.first?.source == "Id")
        #expect(plan.read.first?.column == "sfid")
    }

    @Test func `an unknown field is a problem, and the rest is planned`() {
        let plan = plan(Describes.account, ["Name", "Gone__c"], indexes: ["Gone__c": true])
        #expect(plan.columns.contains { $0.name == "name" })
        #expect(plan.problems.map(\.kind) == [.unknownField])
        #expect(!plan.problems.contains { $0.isFatal })
    }

    @Test func `indexes have the names of Heroku Connect`() {
        let plan = plan(
            Describes.tweet, ["External_ID__c", "Author__c"],
            indexes: ["Author__c": false, "Text__c": false],
            upsert: "External_ID__c")
        #expect(
            plan.indexes.map { "\($0.name) \($0.column) \($0.isUnique)" } == [
                "hc_idx_tweet__c_author__c author__c false",
                "hc_idx_tweet__c_systemmodstamp systemmodstamp false",
                "hcu_idx_tweet__c_external_id__c external_id__c true", "hcu_idx_tweet__c_sfid sfid true",
            ])
        #expect(plan.problems.map(\.kind) == [.unknownIndex])
    }

    @Test func `an index on a field whose values are too long is left out, which is a problem`() {
        let plan = plan(
            Describes.account, ["Description", "Name"], indexes: ["Description": false, "Name": false])
        #expect(plan.indexes.map(\.column) == ["name", "systemmodstamp", "sfid"])
        #expect(plan.problems.map(\.kind) == [.unsuitableIndex])
        #expect(plan.problems.map(\.name) == ["Description"])
    }

    @Test func `a plan whose rows may not fit into a page is a problem`() {
        let fields = (0..<500).map { Describes.field("F\($0)__c", .string, length: 18) }
        let wide = plan(Describes.object("A__c", fields), fields.map(\.name))
        #expect(wide.problems.map(\.kind) == [.wideRow])
        #expect(!wide.problems.contains { $0.isFatal })
        let few = plan(Describes.object("A__c", fields), fields.prefix(250).map(\.name))
        #expect(few.problems.isEmpty)
    }

    @Test(arguments: [
        (ColumnType.varchar(40), 40, nil), (.varchar(40), 41, ColumnType.text), (.integer, 0, nil),
        (.integer, 1, .bigint), (.integer, 2, .doublePrecision), (.bigint, 1, nil), (.bigint, 2, .numeric),
        (.text, 9_999, nil), (.other("citext"), 9, nil),
    ])
    func `a column becomes as wide as its values need`(type: ColumnType, size: Int, wider: ColumnType?) {
        #expect(type.widened(by: size) == wider)
    }

    @Test(arguments: ["text", "boolean", "integer", "bigint", "numeric", "date", "citext", "numeric(10,2)"])
    func `a type of the catalog keeps its name`(name: String) {
        #expect(ColumnType(catalog: name).sql == name)
        #expect(ColumnType(catalog: "character varying(7)") == .varchar(7))
    }

    @Test func `text cannot end its own dollar quote`() {
        for text in ["a", "$$", "$multiconnect$ x", "x $multiconnect", "$multiconnect$multiconnect1$"] {
            let quoted = Identifier.dollarQuoted(text)
            let tag =
                String(quoted.prefix { $0 != "$" || quoted.first == $0 }.prefix(1))
                + quoted.dropFirst().prefix { $0 != "$" } + "$"
            #expect(quoted.hasPrefix(tag + text + tag))
            // The first place after the opening tag where the tag stands is the end.
            let rest = quoted.dropFirst(tag.count)
            #expect(
                rest.ranges(of: tag).first?.lowerBound == rest.index(rest.startIndex, offsetBy: text.count))
        }
    }

    @Test func `a unique identifier that is not an External ID is a problem and has no unique index`() {
        let plan = plan(Describes.tweet, ["Author__c"], upsert: "Author__c")
        #expect(plan.problems.map(\.kind) == [.unsuitableIdentifier])
        #expect(!plan.indexes.contains { $0.column == "author__c" })
    }

    @Test func `an object without IsDeleted and SystemModstamp has no such columns`() {
        var history = ObjectDescribe(
            name: "CaseHistory",
            fields: [
                Describes.field("Id", .id, length: 18), Describes.field("CreatedDate", .dateTime),
                Describes.field("NewValue", .anyType),
            ])
        history.queryable = true
        let plan = plan(
            history, ["Id", "IsDeleted", "SystemModstamp", "NewValue"],
            indexes: ["Id": true, "SystemModstamp": false])
        #expect(plan.columns.map(\.name) == ["newvalue"])
        #expect(plan.indexes.map(\.name) == ["hcu_idx_casehistory_sfid"])
        #expect(plan.problems.isEmpty)
        #expect(plan.cursorField == "CreatedDate")
    }

    @Test func `an object that cannot be queried is a fatal problem`() {
        var describe = Describes.account
        describe.queryable = false
        #expect(plan(describe, ["Name"]).problems.contains { $0.isFatal })
    }

    @Test func `a parent's external id is selected by queries, and no event carries it`() {
        var account = Describes.account
        account.fields.append(Describes.externalID("OMID__c", length: 30))
        let fields = ["Account__OMID__c", "Account__c__Nope"]
        let configuration = MappingConfiguration(access: .readWrite, fields: fields)
        #expect(TablePlan.parents(of: Describes.contact, configuration, resolver) == ["Account"])
        let plan = plan(Describes.contact, fields, parents: ["Account": account])
        let column = plan.columns.first { $0.name == "account__omid__c" }
        #expect(
            column
                == TablePlan.Column(
                    name: "account__omid__c", type: .varchar(30), source: "Account.OMID__c", isRead: false,
                    parent: TablePlan.Parent(reference: "AccountId", objects: ["Account"], field: "OMID__c")))
        #expect(plan.read.contains { $0.column == "account__omid__c" })
        #expect(plan.problems.map(\.name) == ["Account__c__Nope"])
    }

    @Test func `a custom parent's external id keeps the r`() {
        var account = Describes.account
        account.fields.append(Describes.externalID("ExternalId__c"))
        let plan = plan(Describes.tweet, ["Account__r__ExternalId__c"], parents: ["Account": account])
        #expect(plan.columns.contains { $0.name == "account__r__externalid__c" && !$0.isRead })
    }

    @Test func `fields of the package are found with the namespace`() {
        let describe = Describes.object(
            "ns__Tweet__c", [Describes.externalID("ns__External_ID__c"), Describes.field("ns__T__c", .date)])
        let plan = plan(
            describe, ["T__c"], indexes: ["T__c": false], upsert: "External_ID__c", namespace: "ns")
        #expect(plan.table == "ns__tweet__c")
        #expect(plan.columns.map(\.name).contains("ns__t__c"))
        #expect(plan.indexes.map(\.name).contains("hc_idx_ns__tweet__c_ns__t__c"))
        #expect(plan.indexes.map(\.name).contains("hcu_idx_ns__tweet__c_ns__external_id__c"))
        #expect(plan.problems.isEmpty)
    }

    @Test func `parts of the package's compound fields are found with the namespace`() {
        let parts = [
            Describes.field("ns__Site__Latitude__s", .double),
            Describes.field("ns__Addr__City__s", .string, length: 40),
        ]
        let plan = plan(
            Describes.object("ns__Depot__c", parts), ["Site__Latitude__s", "Addr__City__s"], namespace: "ns")
        #expect(plan.columns.map(\.name).prefix(2) == ["isdeleted", "ns__addr__city__s"])
        #expect(plan.columns.map(\.name).contains("ns__site__latitude__s"))
        #expect(plan.problems.isEmpty)
    }

    @Test func `two long names with the same beginning are shortened to different names`() {
        let long = String(repeating: "a", count: 60)
        let one = Identifier.fitting("hc_idx_\(long)_systemmodstamp")
        let other = Identifier.fitting("hc_idx_\(long)_createddate")
        #expect(one.utf8.count == 63)
        #expect(one != other)
        #expect(one == Identifier.fitting("hc_idx_\(long)_systemmodstamp"))
        #expect(Identifier.fitting(String(repeating: "b", count: 63)).utf8.count == 63)
        #expect(Identifier.fitting(String(repeating: "b", count: 63)).hasSuffix("bbbbbbbbbb"))
    }

    @Test func `the default mapping has no problem in an org with the package`() throws {
        for plan in try Describes.defaultPlans() {
            #expect(plan.problems.isEmpty, "\(plan.objectName)")
        }
    }
}
