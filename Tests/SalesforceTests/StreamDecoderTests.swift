import Encoding
import Foundation
import Testing

@testable import Salesforce

struct StreamDecoderTests {
    private func decode(_ text: String) throws -> StreamMessage? {
        StreamDecoder.message(try JSONValue(parsing: Array(text.utf8)))
    }

    private func change(
        _ payload: String, replayID: Int = 1, entity: String = "Account", _ header: String = ""
    )
        throws -> ChangeEvent?
    {
        let body = payload.isEmpty ? "" : "," + payload
        let message = try decode(
            #"{"channel":"/data/ChangeEvents","data":{"schema":"s","#
                + #""event":{"replayId":\#(replayID)},"payload":{"#
                + #""ChangeEventHeader":{"entityName":"\#(entity)","recordIds":["0015f00002J9YaUAAV"],"#
                + #""changeType":"UPDATE","commitTimestamp":1712694387123\#(header)}\#(body)}}}"#)
        guard case .change(let event, _)? = message else { return nil }
        return event
    }

    @Test func `a creation has its header and all fields`() throws {
        let message = try decode(
            #"{"clientId":"c","data":{"schema":"V2MGwDA2aIP0yQS98S2L6Q","payload":{"#
                + #""LastModifiedDate":"2024-04-09T20:26:27.000Z","Description":"x","AnnualRevenue":12.50,"#
                + #""ChangeEventHeader":{"commitNumber":1082990428293,"commitUser":"0055f000005mc66AAA","#
                + #""sequenceNumber":2,"entityName":"Account","changeType":"CREATE","changedFields":[],"#
                + #""changeOrigin":"com/salesforce/api/rest/60.0;client=multiconnect","#
                + #""transactionKey":"0001ae4b-7024-a64a-87f0-f2c8cebdca76","commitTimestamp":1712694387000,"#
                + #""recordIds":["0015f00002J9YaUAAV"]},"Name":"Acme"},"event":{"replayId":37904280}},"#
                + #""channel":"/data/ChangeEvents"}"#)
        let expected = ChangeEvent(
            entityName: "Account", recordIDs: ["0015f00002J9YaUAAV"], kind: .create,
            commitTimestamp: Date(timeIntervalSince1970: 1_712_694_387), commitNumber: 1_082_990_428_293,
            transactionKey: "0001ae4b-7024-a64a-87f0-f2c8cebdca76", sequenceNumber: 2,
            changeOrigin: "com/salesforce/api/rest/60.0;client=multiconnect",
            fields: [
                "LastModifiedDate": .value(.string("2024-04-09T20:26:27.000Z")),
                "Description": .value(.string("x")), "AnnualRevenue": .value(.number("12.50")),
                "Name": .value(.string("Acme")),
            ], schemaID: "V2MGwDA2aIP0yQS98S2L6Q", replayID: 37_904_280)
        #expect(message == .change(expected, channel: "/data/ChangeEvents"))
    }

    /// Case n03.
    @Test func `parts of compound fields get the sObject's field names, and absent parts stay absent`() throws
    {
        let event = try #require(
            try change(
                #""LastModifiedDate":"2025-11-28T14:20:00.000Z","Name":{"LastName":"Neu"},"#
                    + #""MailingAddress":{"City":"Ulm"},"Site__c":{"Latitude__s":48.4}"#, entity: "Contact"))
        #expect(
            event.fields == [
                "LastModifiedDate": .value(.string("2025-11-28T14:20:00.000Z")),
                "LastName": .value(.string("Neu")), "MailingCity": .value(.string("Ulm")),
                "Site__Latitude__s": .value(.number("48.4")),
            ])
    }

    @Test(arguments: [
        ("Name", "FirstName", "FirstName"), ("BillingAddress", "PostalCode", "BillingPostalCode"),
        ("Address", "Street", "Street"), ("PersonMailingAddress", "City", "PersonMailingCity"),
        ("Addr__c", "Street__s", "Addr__Street__s"), ("Addr__c", "Street", "Addr__Street__s"),
        ("ns__Site__c", "Longitude__s", "ns__Site__Longitude__s"),
        ("LastKnownLocation", "Latitude", "LastKnownLatitude"),
    ])
    func `the name of a part follows from its compound field`(compound: String, part: String, field: String) {
        #expect(CompoundField.fieldName(of: part, in: compound) == field)
    }

    @Test func `emptied fields are null, also parts of an emptied compound field`() throws {
        let address = try #require(
            try change(
                #""BillingAddress":null,"Site__c":null,"Phone":null,"ShippingAddress":{"City":null}"#,
                #","changedFields":["BillingAddress.Street","BillingAddress.City","Site__c."#
                    + #"Latitude__s","Phone"]"#
            ))
        for field in ["BillingStreet", "BillingCity", "Site__Latitude__s", "Phone", "ShippingCity"] {
            #expect(address.fields[field] == .value(.null))
        }
        #expect(address.fields["BillingState"] == nil)
        let unnamed = try #require(try change(#""MailingAddress":null"#))
        #expect(
            unnamed.fields["MailingState"] == .value(.null) && unnamed.fields["MailingCity"] == .value(.null))
    }

    @Test func `a large text may be a difference`() throws {
        let event = try #require(try change(#""Description":{"diff":"--- \n+++ ab\n@@ -1,1 +1,1 @@"}"#))
        #expect(event.fields["Description"] == .textDiff("--- \n+++ ab\n@@ -1,1 +1,1 @@"))
    }

    @Test func `ids get 18 characters, and wildcards stay`() throws {
        func ids(_ list: String, _ type: String) throws -> [String]? {
            let message = try decode(
                #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":4},"#
                    + #""payload":{"ChangeEventHeader":{"#
                    + #""entityName":"Account","recordIds":[\#(list)],"changeType":"\#(type)","#
                    + #""commitTimestamp":1}}}}"#
            )
            guard case .change(let event, _)? = message else { return nil }
            #expect(event.kind.rawValue == type && event.fields.isEmpty)
            return event.recordIDs
        }
        #expect(
            try ids(#""0015f00002J9YaU","0015f00002JUWMVAA5""#, "DELETE")
                == ["0015f00002J9YaUAAV", "0015f00002JUWMVAA5"])
        #expect(try ids(#""001*""#, "GAP_UPDATE") == ["001*"])
        #expect(try ids(#""000000000000000AAA""#, "GAP_OVERFLOW") == ["000000000000000AAA"])
    }

    @Test func `a PushTopic message says only which record changed`() throws {
        let message = try decode(
            #"{"data":{"event":{"createdDate":"2021-08-05T17:49:08.990Z","replayId":2,"type":"created"},"#
                + #""sobject":{"Id":"0015f00002J9YaU","Name":"INV-0002"}},"channel":"/topic/Rows"}"#)
        #expect(message == .notification(sfid: "0015f00002J9YaUAAV", channel: "/topic/Rows", replayID: 2))
    }

    @Test(arguments: [
        #"{"channel":"/data/ChangeEvents"}"#, #"{"channel":"/data/ChangeEvents","data":7}"#,
        #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":3},"payload":[]}}"#,
        #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":3},"payload":{"a":1}}}"#,
        #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":3},"payload":{"ChangeEventHeader":{"#
            + #""entityName":"A","changeType":"SNAPSHOT","commitTimestamp":1,"recordIds":["1"]}}}}"#,
        #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":3},"payload":{"ChangeEventHeader":{"#
            + #""entityName":"A","changeType":"UPDATE","commitTimestamp":1,"recordIds":[]}}}}"#,
        #"{"channel":"/data/ChangeEvents","data":{"event":{"replayId":3},"payload":{"ChangeEventHeader":{"#
            + #""entityName":"A","changeType":"UPDATE","recordIds":[7]}}}}"#,
    ])
    func `a message that cannot be read is reported and ends nothing`(text: String) throws {
        guard case .undecodable(_, "/data/ChangeEvents", let replayID)? = try decode(text) else {
            Issue.record("decoded")
            return
        }
        #expect(replayID == (text.contains("replayId") ? 3 : nil))
    }

    @Test func `meta messages are no events`() throws {
        #expect(try decode(#"{"channel":"/meta/connect","successful":true}"#) == nil)
        #expect(try decode("[]") == nil)
    }

    @Test func `large responses are decoded completely`() throws {
        let fields = (0..<20).map { #""Field_\#($0)__c":"value number \#($0)""# }.joined(separator: ",")
        let one =
            #"{"clientId":"c","data":{"schema":"s","payload":{\#(fields),"#
            + #""BillingAddress":{"Street":"a","City":"b"},"#
            + #""ChangeEventHeader":{"commitNumber":1,"commitUser":"0055f000005mc66AAA","sequenceNumber":1,"#
            + #""entityName":"Account","changeType":"UPDATE","changedFields":["Field_1__c","Field_2__c"],"#
            + #""changeOrigin":"","transactionKey":"0001ae4b-7024-a64a-87f0-f2c8cebdca76","#
            + #""commitTimestamp":1712694387000,"recordIds":["0015f00002J9YaUAAV"]}},"#
            + #""event":{"replayId":37904280}},"#
            + #""channel":"/data/ChangeEvents"}"#
        let response = Array(("[" + Array(repeating: one, count: 1_000).joined(separator: ",") + "]").utf8)
        var count = 0
        let elapsed = try ContinuousClock().measure {
            for _ in 0..<10 {
                for message in try JSONValue(parsing: response).array ?? [] {
                    if case .change? = StreamDecoder.message(message) { count += 1 }
                }
            }
        }
        print("figure decode.events_per_s \(Int(10_000 / (elapsed / .seconds(1))))")
        #expect(count == 10_000)
    }
}
