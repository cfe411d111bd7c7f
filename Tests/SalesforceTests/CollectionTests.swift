import Encoding
import Foundation
import OrgSimulator
import Testing

@testable import Salesforce

struct CollectionTests {
    private func call(_ write: RecordWrite) throws -> APICall {
        try write.call(
            "/services/data/v60.0/composite/sobjects", deadline: .seconds(60), maximumBytes: 20_000)
    }

    private func headers(_ call: APICall) -> [String: String] {
        Dictionary(uniqueKeysWithValues: call.headers.map { ($0.name, $0.value) })
    }

    @Test func `each record gets its type, and the request its headers`() throws {
        let write = RecordWrite(
            object: "Account", action: .insert, records: [["Name": "a \"b\""], [:]],
            options: WriteOptions(tag: "mc-1"))
        let call = try call(write)
        #expect(call.method == "POST" && call.path == "/services/data/v60.0/composite/sobjects")
        #expect(
            String(decoding: call.body, as: UTF8.self)
                == #"{"allOrNone":false,"records":[{"attributes":{"type":"Account"},"Name":"a \"b\""},"#
                + #"{"attributes":{"type":"Account"}}]}"#)
        #expect(try JSONValue(parsing: call.body)["records"]?.array?.count == 2)
        #expect(headers(call)["Sforce-Auto-Assign"] == "FALSE")
        #expect(headers(call)["Sforce-Duplicate-Rule-Header"] == nil)
        #expect(call.clientTag == "mc-1" && call.repetition == .harmful && call.deadline == .seconds(60))
    }

    @Test func `assignment rules and duplicates are the caller's choice`() throws {
        let write = RecordWrite(
            object: "Lead", action: .update, records: [["Id": "x"]],
            options: WriteOptions(usesAssignmentRules: true, savesDuplicates: true))
        let headers = headers(try call(write))
        #expect(headers["Sforce-Auto-Assign"] == nil)
        #expect(headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true")
    }

    @Test func `each action has its method and path`() throws {
        let record: JSONText = ["Name": "a"]
        let update = try call(RecordWrite(object: "A__c", action: .update, records: [record]))
        #expect(update.method == "PATCH" && update.path.hasSuffix("/composite/sobjects"))
        let upsert = try call(
            RecordWrite(object: "A__c", action: .upsert(field: "E__c"), records: [record]))
        #expect(upsert.method == "PATCH" && upsert.path.hasSuffix("/composite/sobjects/A__c/E__c"))
        let delete = try call(
            RecordWrite(object: "A__c", action: .delete, ids: ["a00000000000001", "a00000000000002AAA"]))
        #expect(delete.method == "DELETE" && delete.body.isEmpty)
        #expect(delete.query.map(\.0) == ["ids", "allOrNone"])
        #expect(delete.query[0].1 == "a00000000000001AAA,a00000000000002AAA" && delete.query[1].1 == "false")
        _ = try delete.url(at: try Origin(host: "a.my.salesforce.com"))
    }

    @Test func `the address of 200 deletions fits`() throws {
        let ids = (0..<200).map { "a00" + String(repeating: "0", count: 9) + String(1_000 + $0).suffix(3) }
        let call = try call(RecordWrite(object: "A__c", action: .delete, ids: ids))
        #expect(try call.url(at: try Origin(host: "a.my.salesforce.com")).utf8.count < 12_000)
    }

    @Test func `a write that cannot be sent is refused, and that is certain`() throws {
        let record: JSONText = ["Name": "a"]
        let long = JSONText.object([
            ("Name", .string(String(repeating: "a", count: 20_000)))
        ])
        let writes: [(RecordWrite, SalesforceError.Code)] = [
            (RecordWrite(object: "a/b", action: .insert, records: [record]), .invalidType),
            (RecordWrite(object: "A", action: .upsert(field: "b?c"), records: [record]), .invalidField),
            (
                RecordWrite(
                    object: "A", action: .insert, records: [JSONText](repeating: record, count: 201)),
                .tooLarge
            ),
            (RecordWrite(object: "A", action: .insert, records: [long]), .tooLarge),
            (RecordWrite(object: "A", action: .delete, ids: ["x,y"]), .malformedID),
        ]
        for (write, code) in writes {
            let error = #expect(throws: SalesforceError.self) { try call(write) }
            #expect(error?.code == code && error?.isDoubtful == false)
        }
    }

    @Test func `results are read in their order`() throws {
        let answer = """
            [{"id":"001000000000001AAA","success":true,"errors":[],"created":false},
             {"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"m","fields":["Name"]},
              {"statusCode":"STRING_TOO_LONG","message":"n","fields":[]}]},
             {"id":"001000000000002AAA","success":false,"errors":[]}]
            """
        let results = try RecordResult.results(parsing: Array(answer.utf8), count: 3)
        #expect(results[0] == RecordResult(id: "001000000000001AAA", isCreated: false))
        #expect(
            results[1].errors == [
                RecordError(code: "REQUIRED_FIELD_MISSING", message: "m", fields: ["Name"]),
                RecordError(code: "STRING_TOO_LONG", message: "n"),
            ])
        #expect(!results[2].isSuccess && results[2].id == nil)
    }

    @Test(arguments: [
        "", "{}", "[]", #"[{"success":true}]"#, #"[{"id":"x","success":true}]"#,
        #"[{"id":"001000000000001"}]"#,
        #"[{"id":"001000000000001","success":true},{"id":"001000000000001","success":true}]"#,
    ])
    func `an answer that does not tell each record's result is doubtful`(answer: String) throws {
        let error = #expect(throws: SalesforceError.self) {
            try RecordResult.results(parsing: Array(answer.utf8), count: 1)
        }
        #expect(error?.code == .malformedResponse && error?.isDoubtful == true)
    }

    @Test func `records are inserted, updated, upserted and deleted`() async throws {
        try await SimulatedOrg.run { org in
            func write(_ write: RecordWrite) async throws -> [RecordResult] {
                try await org.rest.write(write, deadline: .seconds(60))
            }
            let names: [JSONText] = [["Name": "one"], ["Description": "no name"], ["Name": "two"]]
            let inserted = try await write(
                RecordWrite(object: "Account", action: .insert, records: names))
            #expect(inserted.map(\.isSuccess) == [true, false, true])
            #expect(inserted[1].errors.map(\.code) == ["REQUIRED_FIELD_MISSING"])
            let id = try #require(inserted[0].id)
            let updated = try await write(
                RecordWrite(
                    object: "Account", action: .update,
                    records: [["Id": .string(id), "Name": "three", "Description": nil]]))
            #expect(updated == [RecordResult(id: id)])
            let keys: [JSONText] = [["External_ID__c": "k1", "Text__c": "a"]]
            let upsert = RecordWrite(
                object: "Tweet__c", action: .upsert(field: "External_ID__c"), records: keys)
            #expect(try await write(upsert).map(\.isCreated) == [true])
            #expect(try await write(upsert).map(\.isCreated) == [false])
            let deleted = try await write(
                RecordWrite(object: "Account", action: .delete, ids: [id, try #require(inserted[2].id)]))
            #expect(deleted.map(\.isSuccess) == [true, true])
            #expect(try await org.rest.count(.count(of: "Account")) == 20)
            #expect(try await write(RecordWrite(object: "Account", action: .insert)).isEmpty)
        }
    }

    @Test func `a refused session is refreshed, and an answer that is lost is doubtful`() async throws {
        try await SimulatedOrg.run { org in
            let write = RecordWrite(object: "Account", action: .insert, records: [["Name": "one"]])
            try await org.fault(#"{"kind":"expire_access_tokens"}"#)
            #expect(try await org.rest.write(write, deadline: .seconds(60)).map(\.isSuccess) == [true])
            try await org.fault(#"{"kind":"drop","path":"/composite/sobjects","bytes":0}"#)
            do {
                _ = try await org.rest.write(write, deadline: .seconds(60))
                Issue.record("no error")
            } catch let error as SalesforceError {
                #expect(error.isDoubtful, "\(error)")
            }
        }
    }
}
