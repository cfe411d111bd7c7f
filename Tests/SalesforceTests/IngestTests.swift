import Foundation
import OrgSimulator
import Testing

@testable import Salesforce

struct IngestTests {
    private func rows(_ text: String, piece: Int) throws -> [IngestRow] {
        var reader = IngestResultReader()
        let bytes = Array(text.utf8)
        var rows: [IngestRow] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            rows += try reader.read(Array(bytes[start..<min(start + piece, bytes.count)]))
        }
        return rows + (try reader.finish())
    }

    @Test func `results have the columns that were sent`() throws {
        let text = """
            "sf__Id","sf__Created","NAME","Ext__c"
            "a1Mfc000001IKfjEAG","true","0501003","k ""1\"""
            "a1Mfc000001IKfjEAG","false","","k2"

            """
        for piece in [1, 7, 1_000] {
            let rows = try rows(text, piece: piece)
            #expect(rows.map(\.id) == ["a1Mfc000001IKfjEAG", "a1Mfc000001IKfjEAG"])
            #expect(rows.map(\.isCreated) == [true, false])
            #expect(rows.map { $0["ext__C"] } == ["k \"1\"", "k2"])
            #expect(rows[1]["Name"] == "" && rows[0]["Other"] == nil && rows[0].error == nil)
        }
    }

    @Test(arguments: [
        (
            "DUPLICATE_VALUE:duplicate value found: ID__c duplicates value on record with id: 006Ov000004iYzqIAE:--",
            "DUPLICATE_VALUE",
            "duplicate value found: ID__c duplicates value on record with id: 006Ov000004iYzqIAE", []
        ),
        (
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --", "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]", ["Name"]
        ),
        ("STRING_TOO_LONG:too long:A__c, B__c --", "STRING_TOO_LONG", "too long", ["A__c", "B__c"]),
        ("UNKNOWN_EXCEPTION:oh", "UNKNOWN_EXCEPTION", "oh", []),
        ("some text: of a server", "UNKNOWN_EXCEPTION", "some text: of a server", []),
    ])
    func `an error cell has code, message and fields`(
        cell: String, code: String, message: String, fields: [String]
    ) {
        #expect(RecordError(ingest: cell) == RecordError(code: code, message: message, fields: fields))
    }

    @Test(arguments: ["\"sf__Id\",\"sf__Error\"\n\"a\"\n", "\"sf__Id\",\"sf__Error\"\n\"a\",\"b"])
    func `results that are cut or uneven are malformed`(text: String) {
        let error = #expect(throws: SalesforceError.self) { try rows(text, piece: 5) }
        #expect(error?.code == .malformedResponse)
    }

    @Test func `a job is parsed, and another document is refused`() throws {
        let job = try IngestJob(
            parsing: Array(
                """
                {"id":"750R0000000zw4yIAA","operation":"upsert","object":"Tweet__c","state":"InProgress",
                "createdById":"005R0000000GiwjIAC","createdDate":"2018-12-17T21:00:17.000+0000",
                "externalIdFieldName":"E__c","numberRecordsProcessed":5,"numberRecordsFailed":1}
                """.utf8))
        #expect(job.operation == "upsert" && job.externalIDField == "E__c" && !job.state.isFinal)
        #expect(job.createdByID?.text == "005R0000000GiwjIAC" && job.recordsFailed == 1)
        #expect(job.createdAt == Timestamp.date("2018-12-17T21:00:17.000+0000"))
        for text in ["", "{}", #"{"id":"750R0000000zw4yIAA","state":"Odd"}"#, #"{"id":"x","state":"Open"}"#] {
            let error = #expect(throws: SalesforceError.self) { try IngestJob(parsing: Array(text.utf8)) }
            #expect(error?.code == .malformedResponse)
        }
    }
}
