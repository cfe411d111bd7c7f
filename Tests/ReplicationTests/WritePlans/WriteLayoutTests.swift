import Encoding
import Foundation
import Salesforce
import SampleDescribes
import TenantSchema
import Testing

@testable import Replication

/// A contact with fields of each kind of permission, and its layout.
private struct LayoutScene {
    var describe: ObjectDescribe
    var configuration: MappingConfiguration
    var parents: [String: ObjectDescribe] = [:]
    var paused: [String: String] = [:]

    static let sfid = "0035f00000AbCdEAAV"
    static let parent = "0015f00000AbCdEAAV"

    init(_ configure: (inout MappingConfiguration) -> Void = { _ in }) {
        func writable(_ field: FieldDescribe, create: Bool = true, update: Bool = true) -> FieldDescribe {
            var field = field
            field.createable = create
            field.updateable = update
            return field
        }
        var who = Describes.reference("Who__c", to: ["Contact", "Lead"], relationship: "Who__r")
        who.polymorphicForeignKey = true
        describe = Describes.object(
            "Contact",
            [
                writable(Describes.field("LastName", .string, length: 80)),
                writable(Describes.field("Birthdate", .date)),
                writable(Describes.field("Phone", .phone, length: 40)),
                writable(Describes.field("Description", .textArea, length: 32_000)),
                writable(Describes.field("DoNotCall", .boolean)),
                writable(Describes.field("Master__c", .string, length: 18), update: false),
                writable(Describes.field("Mask__c", .encryptedString, length: 40)),
                Describes.field("Formula__c", .string, length: 80),
                writable(Describes.externalID("Ext__c")),
                writable(Describes.reference("AccountId", to: ["Account"], relationship: "Account")),
                writable(who),
            ])
        configuration = MappingConfiguration(
            access: .readWrite,
            fields: [
                "LastName", "Birthdate", "Phone", "Description", "DoNotCall", "Master__c", "Mask__c",
                "Formula__c", "Ext__c", "AccountId", "Account__Key__c", "Account__Code__c", "Who__c",
                "Who__r__Email",
            ], upsertField: "Ext__c")
        configure(&configuration)
        var account = Describes.object("Account", [Describes.externalID("Key__c")])
        var code = Describes.field("Code__c", .double)
        code.externalId = true
        account.fields.append(code)
        var lead = Describes.object("Lead", [Describes.field("Email", .email, length: 80)])
        lead.fields[lead.fields.count - 1].idLookup = true
        parents = ["Account": account, "Lead": lead, "Contact": Describes.object("Contact", [])]
    }

    var layout: WriteLayout {
        let resolver = NameResolver(namespace: nil)
        let mapping = Mapping(
            id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: "Contact",
            configuration: configuration, state: .dataSynced)
        let table = SyncedTable(
            mapping: mapping, schema: "s",
            plan: TablePlan(describe, configuration, resolver: resolver, parents: parents),
            pausedColumns: paused)
        return WriteLayout(table, describe, resolver: resolver, parents: parents)
    }

    func record(
        _ change: LogEntry.Action, _ action: WriteAttempt.Action, _ values: [String: String?],
        old: [String: String?] = [:], sfid: String? = nil
    ) throws -> PreparedRecord {
        let entry = LogEntry(
            id: 7, action: change, table: "contact", recordID: 3, sfid: sfid, values: values, old: old)
        return try layout.record(WriteBatch.Item(entry), action)
    }

    func json(
        _ change: LogEntry.Action, _ action: WriteAttempt.Action, _ values: [String: String?],
        old: [String: String?] = [:]
    ) throws -> String {
        try record(change, action, values, old: old, sfid: action == .update ? Self.sfid : nil).json.text
    }

    func problem(
        _ change: LogEntry.Action, _ action: WriteAttempt.Action, _ values: [String: String?],
        sfid: String? = nil
    ) -> WriteProblem? {
        do {
            _ = try record(change, action, values, sfid: sfid)
            return nil
        } catch {
            return error as? WriteProblem
        }
    }
}

struct WriteLayoutTests {
    private let scene = LayoutScene()
    private let sfid = LayoutScene.sfid
    private let parent = LayoutScene.parent

    @Test func `an insert sends the columns that have a value, without system columns`() throws {
        let record = try scene.record(
            .insert, .insert,
            [
                "id": "3", "sfid": nil, "lastname": "First", "birthdate": nil, "phone": "", "isdeleted": nil,
                "systemmodstamp": nil, "donotcall": nil, "custom_column": "x",
            ])
        #expect(record.json.text == #"{"LastName":"First","Phone":null}"#)
        #expect(record.entryID == 7 && record.recordID == 3 && record.sfid == nil && record.key == nil)
        #expect(record.leftOut.isEmpty && !record.isEmpty && record.fitsBulk)
    }

    @Test func `an upsert without its key says whether it is null or empty`() {
        for (key, state) in [(nil, "it is null"), ("", "it is empty")] as [(String?, String)] {
            let problem = scene.problem(.insert, .upsert, ["lastname": "A", "ext__c": key])
            #expect(problem?.code == "REQUIRED_FIELD_MISSING")
            #expect(problem?.message.hasSuffix(state) == true, "\(String(describing: problem))")
        }
    }

    @Test func `an update sends nulls, and a checkbox without value is false`() throws {
        let json = try scene.json(
            .update, .update, ["birthdate": nil, "phone": "", "donotcall": nil, "lastname": "A"])
        #expect(
            json == #"{"Id":"\#(sfid)","Birthdate":null,"DoNotCall":false,"LastName":"A","Phone":null}"#)
    }

    @Test func `read-only fields are left out and named`() throws {
        let insert = try scene.record(
            .insert, .insert, ["lastname": "A", "formula__c": "x", "createddate": nil, "master__c": "m"])
        #expect(insert.json.text == #"{"LastName":"A","Master__c":"m"}"#)
        #expect(insert.leftOut == ["Formula__c"])
        let update = try scene.record(
            .update, .update, ["formula__c": nil, "master__c": "m", "systemmodstamp": "x"], sfid: sfid)
        #expect(update.isEmpty && update.fields.isEmpty)
        #expect(update.leftOut == ["Formula__c", "Master__c", "SystemModstamp"])
    }

    @Test(
        arguments: [
            (.insert, ["id": "3", "lastname": "A", "formula__c": nil, "later__c": nil], false),
            (.insert, ["formula__c": "x"], true), (.insert, ["later__c": "x"], true),
            (.update, ["formula__c": nil], true), (.update, ["later__c": nil], true),
            (.update, ["lastname": nil], false),
        ] as [(LogEntry.Action, [String: String?], Bool)])
    func `only values that would be sent count as left out`(
        _ action: LogEntry.Action, _ values: [String: String?], _ leavesOut: Bool
    ) {
        let entry = LogEntry(id: 7, action: action, table: "contact", recordID: 3, values: values)
        #expect(scene.layout.leavesOut(entry) == leavesOut)
    }

    @Test func `fields that the mapping makes read-only and paused columns are left out`() throws {
        var scene = LayoutScene { $0.fieldAccess = ["Phone": .readOnly, "LastName": .readWrite] }
        scene.paused = ["birthdate": "removed"]
        let record = try scene.record(
            .update, .update, ["phone": "1", "lastname": "A", "birthdate": "not a date"], sfid: sfid)
        #expect(record.json.text == #"{"Id":"\#(sfid)","LastName":"A"}"#)
        #expect(record.leftOut == ["Birthdate", "Phone"])
    }

    @Test func `a field that the org no longer shows is left out`() throws {
        var scene = LayoutScene()
        let plan = scene.layout
        scene.describe.fields.removeAll { $0.name == "Phone" }
        #expect(plan.object == "Contact")
        let record = try scene.record(.update, .update, ["phone": "1"], sfid: sfid)
        #expect(record.isEmpty)
    }

    @Test func `an upsert has its key, whatever the columns`() throws {
        #expect(scene.layout.upsertField == "Ext__c" && scene.layout.isUpsertKeyUnique)
        let insert = try scene.record(
            .insert, .upsert, ["ext__c": "k1", "lastname": "A", "phone": nil, "master__c": "m"])
        #expect(insert.json.text == #"{"Ext__c":"k1","LastName":"A","Master__c":"m"}"#)
        #expect(insert.key == "k1" && insert.sfid == nil)
        // An update of a row that was never sent: the whole row, and nulls of the update are meant.
        let update = try scene.record(
            .update, .upsert, ["phone": nil, "master__c": "m"],
            old: ["ext__c": "k1", "lastname": "A", "birthdate": nil, "phone": "1", "formula__c": "f"])
        #expect(update.json.text == #"{"Ext__c":"k1","LastName":"A","Master__c":"m","Phone":null}"#)
        #expect(update.key == "k1" && update.leftOut.isEmpty)
        #expect(
            scene.problem(.insert, .upsert, ["lastname": "A"])?.code == "REQUIRED_FIELD_MISSING")
        #expect(scene.problem(.insert, .upsert, ["ext__c": ""])?.fields == ["Ext__c"])
    }

    @Test func `an external id that Salesforce does not keep unique, or that cannot be written`() throws {
        var scene = LayoutScene()
        let place = try #require(scene.describe.fields.firstIndex { $0.name == "Ext__c" })
        scene.describe.fields[place].unique = false
        #expect(scene.layout.upsertField == "Ext__c" && !scene.layout.isUpsertKeyUnique)
        scene.describe.fields[place].createable = false
        #expect(scene.layout.upsertField == nil)
        #expect(scene.problem(.insert, .upsert, ["ext__c": "k"])?.code == "INVALID_FIELD")
    }

    @Test func `a deletion has only the record`() throws {
        let record = try scene.record(.delete, .delete, [:], old: ["lastname": "A"], sfid: sfid)
        #expect(record.sfid == sfid && record.fields.isEmpty && !record.isEmpty)
        #expect(try scene.record(.delete, .delete, [:]).isEmpty)
        #expect(scene.problem(.delete, .delete, [:], sfid: "short")?.code == "MALFORMED_ID")
        #expect(scene.problem(.update, .update, ["phone": "1"])?.code == "MISSING_ARGUMENT")
    }

    @Test func `a value that a field cannot have names column and field`() {
        let problem = scene.problem(.insert, .insert, ["birthdate": "1699-12-31"])
        #expect(problem?.code == "DATE_OUTSIDE_VALID_RANGE" && problem?.fields == ["Birthdate"])
        #expect(problem?.message.hasPrefix("birthdate: \"1699-12-31\"") == true)
    }

    @Test(
        arguments: [
            (
                ["accountid": LayoutScene.parent, "account__key__c": "k"],
                #""AccountId":"0015f00000AbCdEAAV""#
            ),
            (["accountid": nil, "account__key__c": "k"], #""Account":{"Key__c":"k"}"#),
            (["account__key__c": "k"], #""Account":{"Key__c":"k"}"#),
            (["account__code__c": "12.0"], #""Account":{"Code__c":12}"#),
            (["account__key__c": nil, "account__code__c": "12"], #""Account":{"Code__c":12}"#),
            (
                ["accountid": LayoutScene.parent, "account__key__c": nil],
                #""AccountId":"0015f00000AbCdEAAV""#
            ),
            (["account__key__c": nil], #""AccountId":null"#),
            (["accountid": nil], #""AccountId":null"#),
            (["accountid": nil, "account__key__c": nil], #""AccountId":null"#),
        ] as [([String: String?], String)])
    func `of a lookup and the external ids of its parent one is sent`(
        values: [String: String?], member: String
    ) throws {
        #expect(try scene.json(.update, .update, values) == #"{"Id":"\#(sfid)",\#(member)}"#)
        let isNull = member.hasSuffix("null")
        #expect(try scene.json(.insert, .insert, values) == (isNull ? "{}" : "{\(member)}"))
    }

    @Test func `a lookup that is read-only leaves the external id`() throws {
        let scene = LayoutScene { $0.fieldAccess = ["AccountId": .readOnly] }
        let record = try scene.record(
            .update, .update, ["accountid": parent, "account__key__c": "k"], sfid: sfid)
        #expect(record.json.text == #"{"Id":"\#(sfid)","Account":{"Key__c":"k"}}"#)
        #expect(record.leftOut == ["AccountId"])
    }

    @Test func `a parent of several kinds is sent with its type`() throws {
        let record = try scene.record(.update, .update, ["who__r__email": "a@b.c"], sfid: sfid)
        #expect(
            record.json.text
                == #"{"Id":"\#(sfid)","Who__r":{"attributes":{"type":"Lead"},"Email":"a@b.c"}}"#)
        #expect(record.fields.map(\.name) == ["Lead:Who__r.Email"])
        #expect(
            String(decoding: IngestCSV.text([record]), as: UTF8.self).hasPrefix(
                "\"Id\",\"Lead:Who__r.Email\"\n"))
    }

    @Test func `a parent that may be of two kinds is refused`() throws {
        var scene = LayoutScene()
        scene.parents["Contact"] = scene.parents["Lead"].map {
            var contact = $0
            contact.name = "Contact"
            return contact
        }
        let problem = scene.problem(.insert, .insert, ["who__r__email": "a@b.c"])
        #expect(problem?.code == "INVALID_FIELD" && problem?.fields == ["Who__c"])
    }

    @Test func `masked values are not compared`() {
        let comparable = scene.layout.comparableFields
        #expect(comparable.contains("LastName") && comparable.contains("Account.Key__c"))
        #expect(!comparable.contains("Mask__c") && !comparable.contains("Lead:Who__r.Email"))
    }

    @Test func `duplicates are saved if the mapping says so`() {
        #expect(!scene.layout.savesDuplicates)
        #expect(LayoutScene { $0.savesDuplicates = true }.layout.savesDuplicates)
    }
}

/// Nulls and the text `#N/A` in both ways of writing.
struct WrittenNullTests {
    private let scene = LayoutScene()

    private func csv(_ records: [PreparedRecord]) throws -> [[String]] {
        var reader = CSVReader(maximumLineBytes: 10_000)
        return try reader.read(IngestCSV.text(records))
    }

    @Test func `a null and an empty text reach Salesforce as null`() throws {
        let record = try scene.record(
            .update, .update, HStore.parse(#""birthdate"=>NULL, "phone"=>"""#), sfid: LayoutScene.sfid)
        #expect(record.json.text == #"{"Id":"0035f00000AbCdEAAV","Birthdate":null,"Phone":null}"#)
        #expect(
            try csv([record]) == [["Id", "Birthdate", "Phone"], ["0035f00000AbCdEAAV", "#N/A", "#N/A"]])
        #expect(record.fitsBulk)
    }

    @Test func `the text #N/A stays a text, and is not sent by Bulk`() throws {
        let record = try scene.record(
            .update, .update, HStore.parse(##""description"=>"#N/A""##), sfid: LayoutScene.sfid)
        #expect(record.json.text == ##"{"Id":"0035f00000AbCdEAAV","Description":"#N/A"}"##)
        #expect(!record.fitsBulk)
    }

    @Test func `a column that only the second row has is in the header`() throws {
        let first = try scene.record(
            .insert, .upsert,
            HStore.parse(#""id"=>"1", "sfid"=>NULL, "ext__c"=>"1", "lastname"=>"First", "birthdate"=>NULL"#))
        let second = try scene.record(
            .insert, .upsert,
            HStore.parse(
                #""id"=>"2", "ext__c"=>"2", "lastname"=>"Second", "birthdate"=>"1990-02-28""#))
        #expect(
            try csv([first, second]) == [
                ["Ext__c", "LastName", "Birthdate"], ["1", "First", ""], ["2", "Second", "1990-02-28"],
            ])
    }

    @Test func `texts that are too long for Bulk do not fit`() throws {
        var scene = LayoutScene()
        let place = try #require(scene.describe.fields.firstIndex { $0.name == "Description" })
        scene.describe.fields[place].length = 0
        func fits(_ count: Int) throws -> Bool {
            try scene.record(
                .update, .update, ["description": String(repeating: "a", count: count)],
                sfid: LayoutScene.sfid
            ).fitsBulk
        }
        #expect(try fits(131_072))
        #expect(try !fits(131_073))
    }
}
