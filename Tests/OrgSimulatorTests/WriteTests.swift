import Encoding
import Testing

@testable import OrgSimulator

/// Creates, updates and deletes through the REST API.
struct WriteTests {
    private static let base = "/services/data/v66.0"

    private func send(
        _ test: inout TestWorld, _ method: String, _ path: String, _ token: String, _ body: String = ""
    ) -> Reply {
        test.call(method, Self.base + path, token: token, body: body)
    }

    @Test func `a created record is found by id, by query and by time`() throws {
        var test = TestWorld { $0.seed = 3 }
        test.now = 1_800_000_000_123
        let token = try test.token()
        let reply = send(&test, "POST", "/sobjects/Account", token, #"{"Name":"Acme","Industry":"Energy"}"#)
        #expect(reply.status == 201)
        let id = try #require(reply.document["id"]?.text)
        #expect(id.count == 18)
        let record = send(&test, "GET", "/sobjects/Account/\(id)", token).document
        #expect(record["Name"] == "Acme")
        #expect(record["SystemModstamp"] == "2027-01-15T08:00:00.000+0000")
        #expect(record["LastModifiedById"] == record["CreatedById"])
        let since = test.query(
            "SELECT Id FROM Account WHERE SystemModstamp >= 2027-01-15T08:00:00Z ORDER BY SystemModstamp, Id",
            token: token)
        #expect(since.document["totalSize"] == 1)
        let found = test.query(
            "SELECT Name FROM Account WHERE Id IN ('\(id)', '001000000000000')", token: token)
        #expect(found.document["totalSize"] == 1)
        #expect(test.query("SELECT COUNT() FROM Account", token: token).document["totalSize"] == 301)
    }

    @Test func `an update sets the stamp, and a formula follows without one`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = IDSpace(keyPrefix: "001", org: 1).id(3).text18
        let path = "/sobjects/Account/\(id)"
        test.now += 5000
        #expect(
            send(&test, "PATCH", path, token, #"{"AnnualRevenue":1000,"NumberOfEmployees":4}"#).status == 204)
        let record = send(&test, "GET", path, token).document
        #expect(record["Revenue_Per_Employee__c"]?.serialized == "250.0")
        let change = #"{"kind":"formula","object":"Account","field":"Revenue_Per_Employee__c","factor":3}"#
        test.now += 5000
        #expect(test.call("POST", "/__simulator__/orgs/1/changes", body: change).status == 200)
        let later = send(&test, "GET", path, token).document
        #expect(later["Revenue_Per_Employee__c"]?.serialized == "750.0")
        #expect(later["SystemModstamp"] == record["SystemModstamp"])
    }

    @Test func `a roll-up counts the live children`() throws {
        var test = TestWorld()
        let token = try test.token()
        let account = try #require(
            send(&test, "POST", "/sobjects/Account", token, #"{"Name":"A"}"#).document["id"]?.text)
        let contact = try #require(
            send(
                &test, "POST", "/sobjects/Contact", token,
                #"{"LastName":"L","FirstName":"F","AccountId":"\#(account)"}"#
            ).document["id"]?.text)
        #expect(send(&test, "GET", "/sobjects/Contact/\(contact)", token).document["Name"] == "F L")
        func count() -> String? {
            send(&test, "GET", "/sobjects/Account/\(account)", token).document["Contact_Count__c"]?.serialized
        }
        #expect(count() == "1.0")
        #expect(send(&test, "DELETE", "/sobjects/Contact/\(contact)", token).status == 204)
        #expect(count() == "0.0")
    }

    @Test func `a deleted record is only in queryAll`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = IDSpace(keyPrefix: "001", org: 1).id(5).text18
        #expect(send(&test, "DELETE", "/sobjects/Account/\(id)", token).status == 204)
        #expect(send(&test, "GET", "/sobjects/Account/\(id)", token).status == 404)
        let again = send(&test, "PATCH", "/sobjects/Account/\(id)", token, "{}").document.elements.first
        #expect(again?["errorCode"] == "ENTITY_IS_DELETED")
        let soql = "SELECT Id, IsDeleted FROM Account WHERE Id = '\(id)'"
        #expect(test.query(soql, token: token).document["totalSize"] == 0)
        let all = test.query(soql, token: token, path: "queryAll").document
        #expect(all["records"]?.elements.first?["IsDeleted"] == true)
        let window = "start=2023-11-14T00:00:00Z&end=2023-11-15T00:00:00Z"
        let deleted = send(&test, "GET", "/sobjects/Account/deleted?\(window)", token).document
        #expect(deleted["deletedRecords"]?.elements.map { $0["id"]?.text } == [id])
        let purge = #"{"kind":"hardDelete","ids":["\#(id)"]}"#
        #expect(test.call("POST", "/simulator/orgs/1/changes", body: purge).status == 200)
        #expect(test.query(soql, token: token, path: "queryAll").document["totalSize"] == 0)
    }

    @Test func `an upsert creates, then updates the same record`() throws {
        var test = TestWorld()
        let token = try test.token()
        let path = "/sobjects/Account/External_ID__c/key%2F1"
        let created = send(&test, "PATCH", path, token, #"{"Name":"One"}"#)
        #expect(created.status == 404)
        let plain = "/sobjects/Account/External_ID__c/key-1"
        let first = send(&test, "PATCH", plain, token, #"{"Name":"One"}"#)
        #expect(first.status == 201)
        #expect(first.document["created"] == true)
        let second = send(&test, "PATCH", plain, token, #"{"Name":"Two"}"#)
        #expect(second.status == 200)
        #expect(second.document["created"] == false)
        #expect(second.document["id"] == first.document["id"])
        #expect(send(&test, "GET", plain, token).document["Name"] == "Two")
        let duplicate = send(
            &test, "POST", "/sobjects/Account", token, #"{"Name":"X","External_ID__c":"KEY-1"}"#)
        #expect(duplicate.document.elements.first?["errorCode"] == "DUPLICATE_VALUE")
        let child = send(
            &test, "POST", "/sobjects/Contact", token,
            #"{"LastName":"L","Account":{"External_ID__c":"key-1"}}"#)
        let contact = try #require(child.document["id"]?.text)
        #expect(
            send(&test, "GET", "/sobjects/Contact/\(contact)", token).document["AccountId"]
                == first.document["id"])
        let soql = "SELECT Account.External_ID__c FROM Contact WHERE Id = '\(contact)'"
        let found = test.query(soql, token: token).document["records"]?.elements.first
        #expect(found?["Account"]?["External_ID__c"] == "key-1")
    }

    @Test(arguments: [
        (#"{"Nope":1,"Name":"x"}"#, "INVALID_FIELD"), (#"{"Industry":"Energy"}"#, "REQUIRED_FIELD_MISSING"),
        (#"{"Name":"x","CreatedDate":"2020-01-01T00:00:00Z"}"#, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        (#"{"Name":"x","NumberOfEmployees":"many"}"#, "JSON_PARSER_ERROR"),
        (#"{"Name":"x","ParentId":"001000000000000"}"#, "INVALID_CROSS_REFERENCE_KEY"),
        (#"{"Name":"x","Sic":"123456789012345678901"}"#, "STRING_TOO_LONG"),
        (#"{"Id":"001000000000000","Name":"x"}"#, "INVALID_FIELD"),
    ])
    func `a wrong record is refused with the code of an org`(body: String, code: String) throws {
        var test = TestWorld()
        let token = try test.token()
        let reply = send(&test, "POST", "/sobjects/Account", token, body)
        #expect(reply.status == 400)
        #expect(reply.document.elements.first?["errorCode"]?.text == code)
    }

    @Test func `a collection has one result per record`() throws {
        var test = TestWorld()
        let token = try test.token()
        let body = #"""
            {"allOrNone":false,"records":[{"attributes":{"type":"Account"},"Name":"x"},
            {"attributes":{"type":"Account"}},{"attributes":{"type":"Contact"},"LastName":"y"}]}
            """#
        let results = send(&test, "POST", "/composite/sobjects", token, body).document.elements
        #expect(results.map { $0["success"] } == [true, false, true])
        #expect(results[1]["errors"]?.elements.first?["statusCode"] == "REQUIRED_FIELD_MISSING")
        let ids = results.compactMap { $0["id"]?.text }
        let update = #"{"records":[{"attributes":{"type":"Account"},"id":"\#(ids[0])","Name":"z"}]}"#
        #expect(
            send(&test, "PATCH", "/composite/sobjects", token, update).document.elements[0]["success"] == true
        )
        let read = send(
            &test, "POST", "/composite/sobjects/Account", token,
            #"{"ids":["\#(ids[0])","001000000000000"],"fields":["id","name"]}"#
        ).document.elements
        #expect(read.first?["Name"] == "z")
        #expect(read.last == JSONValue.null)
        let gone = send(
            &test, "DELETE", "/composite/sobjects?ids=\(ids[0]),\(ids[0].prefix(14))x&allOrNone=true", token)
        #expect(gone.document.elements.map { $0["success"] } == [false, false])
        let calls = test.get("/simulator/orgs/1/calls", token: nil).document
        #expect(calls["collection"] == 3)
    }

    @Test func `a query's later pages do not see later changes`() throws {
        var test = TestWorld { $0.accounts = 2500 }
        let token = try test.token()
        let first = test.query("SELECT Id, Name FROM Account", token: token).document
        let next = try #require(first["nextRecordsUrl"]?.text)
        let id = IDSpace(keyPrefix: "001", org: 1).id(2400).text18
        _ = send(&test, "PATCH", "/sobjects/Account/\(id)", token, #"{"Name":"changed"}"#)
        let records = test.get(next, token: token).document["records"]?.elements ?? []
        #expect(records.count == 500)
        #expect(!records.contains { $0["Name"] == "changed" })
    }

    @Test func `an unchanged describe is answered with 304`() throws {
        var test = TestWorld()
        let token = try test.token()
        let header = ["If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"]
        for path in ["/sobjects", "/sobjects/Account/describe"] {
            #expect(test.call("GET", Self.base + path, token: token, headers: header).status == 304)
        }
        test.now += 1000
        let add = #"{"kind":"addField","object":"Account","field":"New__c","type":"string","length":20}"#
        #expect(test.call("POST", "/simulator/orgs/1/changes", body: add).status == 200)
        let reply = test.call("GET", Self.base + "/sobjects/Account/describe", token: token, headers: header)
        #expect(reply.status == 200)
        #expect(reply.text.contains(#""name":"New__c""#))
        #expect(test.query("SELECT New__c FROM Account LIMIT 1", token: token).status == 200)
        let remove = #"{"kind":"removeField","object":"Account","field":"New__c"}"#
        #expect(test.call("POST", "/simulator/orgs/1/changes", body: remove).status == 200)
        let gone = test.query("SELECT New__c FROM Account LIMIT 1", token: token)
        #expect(gone.document.elements.first?["errorCode"] == "INVALID_FIELD")
    }

    @Test func `a Bulk job has the rows of its creation, and queryAll has the deleted ones`() throws {
        var test = TestWorld { $0.bulkPolls = 0 }
        let token = try test.token()
        func job(_ operation: String) throws -> String {
            let body = #"{"operation":"\#(operation)","query":"SELECT Id, Name, IsDeleted FROM Tweet__c"}"#
            let id = try #require(send(&test, "POST", "/jobs/query", token, body).document["id"]?.text)
            return "/jobs/query/\(id)"
        }
        let before = try job("query")
        let id = IDSpace(keyPrefix: "a00", org: 1).id(2).text18
        #expect(send(&test, "DELETE", "/sobjects/Tweet__c/\(id)", token).status == 204)
        let after = try job("query")
        let all = try job("queryAll")
        func ids(_ path: String) -> [String] {
            #expect(send(&test, "GET", path, token).document["state"] == "JobComplete")
            return CSVTable(send(&test, "GET", path + "/results", token).bytes).rows.map { $0[0] }
        }
        #expect(ids(before).contains(id))
        #expect(!ids(after).contains(id))
        #expect(ids(all).contains(id))
    }

    @Test func `a truncated answer looks complete`() throws {
        var test = TestWorld()
        let token = try test.token()
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"truncate","path":"/limits","bytes":9}"#)
        #expect(send(&test, "GET", "/limits", token).truncatesAfterBytes == 9)
        #expect(send(&test, "GET", "/limits", token).truncatesAfterBytes == nil)
    }
}
