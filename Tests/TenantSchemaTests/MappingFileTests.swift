import Encoding
import Foundation
import Salesforce
import Testing

@testable import TenantSchema

struct MappingFileTests {
    private func read(_ text: String) throws(TenantSchemaError) -> MappingFile {
        try MappingFile(parsing: Array(text.utf8))
    }

    private func problem(_ text: String) -> String? {
        do throws(TenantSchemaError) {
            _ = try read(text)
            return nil
        } catch {
            return error.message
        }
    }

    private let export = """
        {"mappings":[{"object_name":"agf__ADM_Work__c","config":{"access":"read_write","sf_notify_enabled":false,
        "sf_polling_seconds":600,"sf_max_daily_api_calls":30000,"upsert_field":"agf__External_ID__c",
        "applied_at":"2023-02-14T01:40:34.070538Z","revision":12,
        "fields":{"Id":{},"IsDeleted":{},"SystemModstamp":{},"CreatedDate":{},"Name":{},"agf__External_ID__c":{}},
        "indexes":{"Id":{"unique":true},"SystemModstamp":{"unique":false},"agf__External_ID__c":{"unique":true}}}}],
        "connection":{"app_name":"x","features":{"poll_db_no_merge":true},"api_version":"57.0"},"version":1,"more":[1]}
        """

    @Test func `an export of Heroku Connect is read`() throws {
        let file = try read(export)
        let entry = try #require(file.mappings.first)
        #expect(entry.objectName == "agf__ADM_Work__c")
        #expect(entry.configuration.access == .readWrite)
        #expect(entry.configuration.fields.count == 6)
        #expect(entry.configuration.indexes["agf__External_ID__c"] == true)
        #expect(entry.configuration.indexes["SystemModstamp"] == false)
        #expect(entry.configuration.upsertField == "agf__External_ID__c")
        #expect(entry.configuration.maximumDailyCalls == 30_000)
    }

    @Test func `unknown members survive reading and writing`() throws {
        let file = try read(export)
        let again = try read(file.text)
        #expect(again == file)
        let config = try #require(again.json["mappings"]?.array?.first?["config"])
        #expect(config["applied_at"]?.string == "2023-02-14T01:40:34.070538Z")
        #expect(config["revision"]?.int == 12)
        #expect(again.json["more"]?.array?.first?.int == 1)
        #expect(again.json["connection"]?["features"]?["poll_db_no_merge"]?.bool == true)
    }

    @Test func `the written file has members in one order and ends with a newline`() throws {
        let text = try read(export).text
        let again = try read(text)
        #expect(text == again.text)
        #expect(text.hasSuffix("}\n"))
        #expect(text.contains("\n            \"config\": {\n                \"access\": \"read_write\",\n"))
    }

    @Test func `indexes, settings and connection may be missing`() throws {
        let file = try read(
            #"{"mappings":[{"object_name":"User","config":{"access":"read_only","fields":{"Id":{}}}}]}"#)
        #expect(file.connection == nil)
        #expect(file.mappings[0].configuration.indexes.isEmpty)
        #expect(file.mappings[0].configuration.pollingSeconds == 600)
    }

    @Test(arguments: [
        ("[]", "$: must be an object"),
        (#"{"version":1}"#, "$.mappings: is missing"),
        (#"{"version":2,"mappings":[]}"#, "$.version: must be 1, not 2"),
        (#"{"mappings":[{}]}"#, "mappings[0].object_name: is missing"),
        (#"{"mappings":[{"object_name":"A"}]}"#, "mappings[0].config: is missing"),
        (
            #"{"mappings":[{"object_name":"A b","config":{}}]}"#,
            #"mappings[0].object_name: "A b" is not an object's API name"#
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"all","fields":{"Id":{}}}}]}"#,
            #"mappings[0].config.access: must be "read_only" or "read_write", not "all""#
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"read_write","fields":{"Id":{"access":"none"}}}}]}"#,
            #"mappings[0].config.fields.Id.access: must be "read_only" or "read_write", not "none""#
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"read_only","fields":["Id"]}}]}"#,
            #"mappings[0].config.fields: must be an object, not ["Id"]"#
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"read_only","fields":{"a;b":{}}}}]}"#,
            "mappings[0].config.fields.a;b: is not a field's API name"
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"read_only","fields":{"Id":{}},"indexes":{"Id":{"unique":1}}}}]}"#,
            "mappings[0].config.indexes.Id.unique: must be true or false, not 1"
        ),
        (
            #"{"mappings":[{"object_name":"A","config":{"access":"read_only","fields":{"Id":{}},"sf_polling_seconds":"5 min"}}]}"#,
            #"mappings[0].config.sf_polling_seconds: must be a whole number, not "5 min""#
        ),
    ])
    func `an error names its place in the file`(text: String, message: String) {
        #expect(problem(text) == message)
    }

    @Test func `numbers and flags may be written as text`() throws {
        let file = try read(
            """
            {"version":"1","mappings":[{"object_name":"A","config":{"access":"read_only","fields":{"Id":{}},
            "sf_polling_seconds":"300","sf_max_daily_api_calls":"9","sf_notify_enabled":"True",
            "indexes":{"Id":{"unique":"true"}}}}]}
            """)
        let configuration = file.mappings[0].configuration
        #expect(configuration.pollingSeconds == 300)
        #expect(configuration.maximumDailyCalls == 9)
        #expect(configuration.notify)
        #expect(configuration.indexes == ["Id": true])
    }

    @Test func `a field's access and the saving of duplicates are read, written and compared`() throws {
        let file = try read(
            """
            {"mappings":[{"object_name":"A","config":{"access":"read_write","save_duplicates":true,
            "fields":{"Id":{},"Name":{"access":"read_only","numeric":true},"Phone":{"access":"read_write"}}}}]}
            """)
        let configuration = file.mappings[0].configuration
        #expect(configuration.savesDuplicates && configuration.readOnlyFields == ["Name"])
        #expect(configuration.numericFields == ["Name": true])
        #expect(try read(file.text) == file)
        let config = try #require(file.json["mappings"]?.array?.first?["config"])
        #expect(config["fields"]?["Name"]?["access"]?.string == "read_only")
        #expect(config["fields"]?["Phone"]?["access"]?.string == "read_write")
        #expect(config["save_duplicates"]?.bool == true)
        var other = configuration
        other.fieldAccess = ["Phone": .readOnly, "Name": .readOnly]
        other.savesDuplicates = false
        #expect(
            configuration.differences(to: other) == [
                "read-only fields Name -> Name,Phone", "save_duplicates true -> false",
            ])
    }

    @Test func `a byte order mark is skipped, and UTF-16 is an error`() throws {
        let file = try MappingFile(parsing: [0xEF, 0xBB, 0xBF] + Array(export.utf8))
        #expect(file == (try read(export)))
        let units = Array(export.utf16)
        let little = units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let big = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
        for bytes in [[0xFF, 0xFE] + little, [0xFE, 0xFF] + big, little, big] {
            let error = #expect(throws: TenantSchemaError.self) { try MappingFile(parsing: bytes) }
            #expect(error?.message.hasPrefix("the file is UTF-16: save it as UTF-8") == true)
        }
    }

    @Test func `two objects with the same table are refused, and both are named`() {
        func two(_ first: String, _ second: String) -> String {
            let entries = [first, second].map {
                #"{"object_name":"\#($0)","config":{"access":"read_only","fields":{"Id":{}}}}"#
            }
            return "{\"mappings\":[\(entries.joined(separator: ","))]}"
        }
        #expect(
            problem(two("A", "a"))
                == "mappings[1].object_name: a has the table a, as mappings[0].object_name has, A")
        #expect(problem(two("A__c", "ns__A__c")) == nil)
        let error = #expect(throws: TenantSchemaError.self) {
            try MappingFile(
                parsing: Array(two("A__c", "ns__A__c").utf8), resolver: NameResolver(namespace: "ns"))
        }
        #expect(
            error?.message
                == "mappings[1].object_name: ns__A__c has the table ns__a__c, as mappings[0].object_name has, A__c"
        )
    }

    @Test func `the default mapping is valid and is written unchanged`() throws {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../config/mapping.json")
        let bytes = Array(try Data(contentsOf: url))
        let file = try MappingFile(parsing: bytes)
        #expect(file.mappings.map(\.objectName) == ["Account", "Connection__c", "Contact", "Tweet__c"])
        #expect(file.mappings[0].configuration.fields.count == 35)
        #expect(file.mappings.map { $0.configuration.access == .readWrite } == [true, true, false, true])
        #expect(file.text == String(decoding: bytes, as: UTF8.self))
    }

    @Test func `custom names are tried unchanged and then with the namespace`() {
        let resolver = NameResolver(namespace: "ns")
        #expect(resolver.candidates("Tweet__c") == ["Tweet__c", "ns__Tweet__c"])
        #expect(resolver.candidates("Account") == ["Account"])
        #expect(resolver.candidates("other__Tweet__c") == ["other__Tweet__c"])
        #expect(resolver.candidates("Site__Latitude__s") == ["Site__Latitude__s", "ns__Site__Latitude__s"])
        #expect(resolver.candidates("ns__Site__Latitude__s") == ["ns__Site__Latitude__s"])
        #expect(NameResolver(namespace: "").candidates("Tweet__c") == ["Tweet__c"])
    }
}
