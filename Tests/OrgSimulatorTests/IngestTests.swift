import Encoding
import Testing

@testable import OrgSimulator

/// Bulk API 2.0 jobs that write.
struct IngestTests {
    private static let base = "/services/data/v66.0/jobs/ingest"

    /// Creates a job, uploads its data, and ends the upload.
    /// - Returns: the job's address.
    private func start(
        _ test: inout TestWorld, _ operation: String, _ object: String, _ data: String, token: String,
        more: String = ""
    ) throws -> String {
        let body = #"{"object":"\#(object)","operation":"\#(operation)"\#(more)}"#
        let created = test.call("POST", Self.base, token: token, body: body)
        #expect(created.status == 200)
        let id = try #require(created.document["id"]?.text)
        #expect(created.document["state"] == "Open")
        #expect(created.document["contentUrl"]?.text == "services/data/v66.0/jobs/ingest/\(id)/batches")
        let job = "\(Self.base)/\(id)"
        #expect(upload(&test, job, data, token: token).status == 201)
        let ended = patch(&test, job, "UploadComplete", token: token)
        #expect(ended.status == 200)
        return job
    }

    private func upload(_ test: inout TestWorld, _ job: String, _ data: String, token: String) -> Reply {
        test.call(
            "PUT", job + "/batches", token: token, headers: ["Content-Type": "text/csv; charset=UTF-8"],
            body: data)
    }

    private func patch(_ test: inout TestWorld, _ job: String, _ state: String, token: String) -> Reply {
        test.call("PATCH", job, token: token, body: #"{"state":"\#(state)"}"#)
    }

    /// Polls until the job ends.
    private func complete(_ test: inout TestWorld, _ job: String, token: String) -> JSONValue {
        for _ in 0..<10 {
            let document = test.get(job, token: token).document
            if ["JobComplete", "Failed", "Aborted"].contains(document["state"]?.text) { return document }
        }
        return .null
    }

    private func results(
        _ test: inout TestWorld, _ job: String, _ kind: String, token: String
    ) -> CSVTable { CSVTable(test.get("\(job)/\(kind)/", token: token).bytes) }

    @Test func `inserted rows are created once, and the results are shuffled`() throws {
        var test = TestWorld()
        let token = try test.token()
        let names = (0..<450).map { "Bulk \($0)" }
        let data = "Name,NumberOfEmployees\n" + names.map { "\"\($0)\",7\n" }.joined()
        let job = try start(&test, "insert", "Account", data, token: token)
        let document = complete(&test, job, token: token)
        #expect(document["state"] == "JobComplete")
        #expect(document["jobType"] == "V2Ingest")
        #expect(document["numberRecordsProcessed"] == 450)
        #expect(document["numberRecordsFailed"] == 0)
        let table = results(&test, job, "successfulResults", token: token)
        #expect(table.header == ["sf__Id", "sf__Created", "Name", "NumberOfEmployees"])
        #expect(table.rows.map { $0[2] } != names)
        #expect(Set(table.rows.map { $0[2] }) == Set(names))
        #expect(table.rows.allSatisfy { $0[1] == "true" })
        let again = results(&test, job, "successfulResults", token: token)
        #expect(again.rows == table.rows)
        for row in table.rows.prefix(3) {
            let record = test.get("/services/data/v66.0/sobjects/Account/\(row[0])", token: token).document
            #expect(record["Name"]?.text == row[2])
            #expect(record["NumberOfEmployees"] == 7)
        }
        #expect(results(&test, job, "failedResults", token: token).rows.isEmpty)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 750)
        // Three chunks, each a transaction.
        let origins = test.world.orgs[0].writeLog.entries.map(\.commit.origin)
        #expect(Set(origins) == ["com/salesforce/api/bulk/66.0"])
        #expect(test.get(job + "/unprocessedrecords", token: token).text == "Name,NumberOfEmployees\n")
    }

    @Test func `an empty value is ignored, and N/A is null`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = IDSpace(keyPrefix: "001", org: 1).id(3).text18
        let path = "/services/data/v66.0/sobjects/Account/\(id)"
        #expect(test.call("PATCH", path, token: token, body: #"{"Phone":"1","Fax":"2"}"#).status == 204)
        let data = "Id,Phone,Fax,Is_Partner__c,Site\r\n\(id),,#N/A,1,\"a \"\"b\"\",\nc\"\r\n"
        let job = try start(
            &test, "update", "Account", data, token: token, more: #","lineEnding":"CRLF""#)
        #expect(complete(&test, job, token: token)["numberRecordsFailed"] == 0)
        let record = test.get(path, token: token).document
        #expect(record["Phone"] == "1")
        #expect(record["Fax"] == .null)
        #expect(record["Is_Partner__c"] == true)
        #expect(record["Site"] == "a \"b\",\nc")
        let text = test.get(job + "/successfulResults", token: token).text
        #expect(text.hasPrefix("\"sf__Id\",\"sf__Created\",Id,Phone,Fax,Is_Partner__c,Site\r\n"))
        #expect(text.contains("\"\(id)\",\"false\",\"\(id)\",\"\",\"#N/A\",\"1\",\"a \"\"b\"\""))
    }

    @Test func `failed rows have the code, the message and the fields`() throws {
        var test = TestWorld()
        let token = try test.token()
        let space = IDSpace(keyPrefix: "001", org: 1)
        let twice = space.id(4).text18
        let data =
            "Id,Name,NumberOfEmployees\n\(twice),a,1\n\(twice),b,2\n\(space.id(5).text18),#N/A,\n"
            + "\(space.id(6).text18),c,many\n001000000000000AAA,d,\n,e,\n\(space.id(7).text18),f,3\n"
        let job = try start(&test, "update", "Account", data, token: token)
        let document = complete(&test, job, token: token)
        #expect(document["numberRecordsProcessed"] == 7)
        #expect(document["numberRecordsFailed"] == 6)
        let failed = results(&test, job, "failedResults", token: token)
        #expect(failed.header == ["sf__Id", "sf__Error", "Id", "Name", "NumberOfEmployees"])
        let errors = Dictionary(uniqueKeysWithValues: failed.rows.map { ($0[3], $0[1]) })
        #expect(errors["a"] == "DUPLICATE_VALUE:duplicate id specified: \(twice):--")
        #expect(errors["b"] == errors["a"])
        #expect(errors["#N/A"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --")
        #expect(
            errors["c"]
                == "INVALID_TYPE_ON_FIELD_IN_RECORD:Employees: value not of required type: many:"
                + "NumberOfEmployees --")
        #expect(errors["d"]?.hasPrefix("INVALID_CROSS_REFERENCE_KEY:") == true)
        #expect(errors["e"]?.hasPrefix("MISSING_ARGUMENT:") == true)
        #expect(failed.rows.first { $0[3] == "a" }?[0] == twice)
        #expect(results(&test, job, "successfulResults", token: token).rows.map { $0[3] } == ["f"])
    }

    @Test func `an upsert creates and updates, and finds parents by external id`() throws {
        var test = TestWorld()
        let token = try test.token()
        let more = #","externalIdFieldName":"External_ID__c""#
        let first = try start(
            &test, "upsert", "Account", "External_ID__c,Name\nk1,One\nk2,Two\nk2,Three\n", token: token,
            more: more)
        #expect(complete(&test, first, token: token)["numberRecordsFailed"] == 2)
        let failed = results(&test, first, "failedResults", token: token)
        #expect(failed.rows.allSatisfy { $0[1] == "DUPLICATE_VALUE:Duplicate external id specified: k2:--" })
        let second = try start(
            &test, "upsert", "Account", "External_ID__c,Name\nK1,Uno\nk3,Tres\n", token: token, more: more)
        _ = complete(&test, second, token: token)
        let rows = results(&test, second, "successfulResults", token: token).rows
        let created = Dictionary(uniqueKeysWithValues: rows.map { ($0[3], $0[1]) })
        #expect(created == ["Uno": "false", "Tres": "true"])
        let children = try start(
            &test, "insert", "Contact",
            "LastName,Account.External_ID__c\nA,k1\nB,nobody\nC,\n", token: token)
        #expect(complete(&test, children, token: token)["numberRecordsFailed"] == 1)
        let text = test.get(children + "/failedResults", token: token).text
        #expect(
            text.contains(
                "INVALID_FIELD:Foreign key external ID: nobody not found for field External_ID__c in entity "
                    + "Account:--"))
        let soql = "SELECT LastName FROM Contact WHERE Account.External_ID__c = 'k1'"
        #expect(test.query(soql, token: token).document["totalSize"] == 1)
    }

    @Test(arguments: [("delete", 1), ("hardDelete", 0)])
    func `a deleted row is in the recycle bin, and a hard deleted one is not`(
        operation: String, left: Int
    ) throws {
        var test = TestWorld()
        let token = try test.token()
        let id = IDSpace(keyPrefix: "003", org: 1).id(2).text18
        let job = try start(&test, operation, "Contact", "Id\n\(id)\n", token: token)
        #expect(complete(&test, job, token: token)["numberRecordsFailed"] == 0)
        let soql = "SELECT Id FROM Contact WHERE Id = '\(id)'"
        #expect(test.query(soql, token: token).document["totalSize"] == 0)
        #expect(test.query(soql, token: token, path: "queryAll").document["totalSize"]?.number == left)
    }

    @Test(arguments: [
        ("Name\r\nx\r\n", "LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("Name,Nope\nx,1\n", "Field name not found : Nope"), ("Name,Site\nx\n", "Row 1 has 1 values, not 2"),
        ("Name\n\"x\n", "A quoted value does not end"), ("Name\n\"x\" \n", "A character follows"),
    ])
    func `a job with malformed data fails, and writes nothing`(data: String, reason: String) throws {
        var test = TestWorld()
        let token = try test.token()
        let job = try start(&test, "insert", "Account", data, token: token)
        let document = complete(&test, job, token: token)
        #expect(document["state"] == "Failed")
        #expect(document["errorMessage"]?.text?.hasPrefix("InvalidBatch : \(reason)") == true)
        #expect(document["numberRecordsProcessed"] == 0)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 300)
    }

    @Test func `a job has one upload, and states change in one direction`() throws {
        var test = TestWorld()
        let token = try test.token()
        let created = test.call(
            "POST", Self.base, token: token, body: #"{"object":"Account","operation":"insert"}"#)
        let job = "\(Self.base)/\(try #require(created.document["id"]?.text))"
        #expect(test.call("DELETE", job, token: token).status == 400)
        #expect(test.get(job + "/failedResults", token: token).status == 400)
        #expect(upload(&test, job, "Name\nx\n", token: token).status == 201)
        #expect(upload(&test, job, "Name\nx\n", token: token).status == 400)
        #expect(patch(&test, job, "UploadComplete", token: token).status == 200)
        let again = patch(&test, job, "UploadComplete", token: token)
        #expect(again.document.elements.first?["errorCode"] == "INVALIDJOBSTATE")
        _ = complete(&test, job, token: token)
        #expect(patch(&test, job, "Aborted", token: token).status == 400)
        let other = try test.token("admin@org2.example")
        #expect(test.get(job, token: other).status == 404)
        #expect(test.call("DELETE", job, token: token).status == 204)
        #expect(test.get(job, token: token).status == 404)
    }

    @Test func `chunks are written while a slow job runs, and an aborted job leaves the rest`() throws {
        var test = TestWorld()
        let token = try test.token()
        let slow = #"{"kind":"slow_bulk","milliseconds":4000,"polls":0}"#
        #expect(test.call("POST", "/simulator/faults", body: slow).status == 204)
        let data = "Name\n" + (0..<800).map { "Slow \($0)\n" }.joined()
        let job = try start(&test, "insert", "Account", data, token: token)
        #expect(test.world.nextDue == test.now + 1000)
        test.now += 2500
        let document = test.get(job, token: token).document
        #expect(document["state"] == "InProgress")
        #expect(document["numberRecordsProcessed"] == 400)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 700)
        #expect(patch(&test, job, "Aborted", token: token).document["state"] == "Aborted")
        test.now += 5000
        #expect(test.get(job, token: token).document["numberRecordsProcessed"] == 400)
        let rest = results(&test, job, "unprocessedrecords", token: token)
        #expect(rest.header == ["Name"])
        #expect(Set(rest.rows.map { $0[0] }) == Set((400..<800).map { "Slow \($0)" }))
        #expect(results(&test, job, "successfulResults", token: token).rows.count == 400)
    }

    @Test func `a list finds the jobs of the org, in pages`() throws {
        var test = TestWorld { $0.limits.listedJobs = 2 }
        let token = try test.token()
        var ids: [String] = []
        for _ in 0..<3 {
            let created = test.call(
                "POST", Self.base, token: token, body: #"{"object":"Account","operation":"delete"}"#)
            ids.append(try #require(created.document["id"]?.text))
        }
        let first = test.get(Self.base, token: token).document
        #expect(first["done"] == false)
        #expect(first["records"]?.elements.map { $0["id"]?.text } == [ids[0], ids[1]])
        let next = try #require(first["nextRecordsUrl"]?.text)
        let last = test.get(next, token: token).document
        #expect(last["done"] == true)
        #expect(last["records"]?.elements.map { $0["id"]?.text } == [ids[2]])
        let other = try test.token("admin@org2.example")
        #expect(test.get(Self.base, token: other).document["records"]?.elements.isEmpty == true)
    }

    @Test(arguments: [
        (#"{"object":"Account","operation":"upsert"}"#, "INVALIDJOB"),
        (#"{"object":"Account","operation":"merge"}"#, "INVALIDJOB"),
        (#"{"object":"Nope__c","operation":"insert"}"#, "INVALIDENTITY"),
        (#"{"object":"Account","operation":"upsert","externalIdFieldName":"Site"}"#, "INVALIDJOB"),
    ])
    func `a job that the API cannot run is refused`(body: String, code: String) throws {
        var test = TestWorld()
        let token = try test.token()
        let reply = test.call("POST", Self.base, token: token, body: body)
        #expect(reply.status == 400)
        #expect(reply.document.elements.first?["errorCode"]?.text == code)
    }
}
