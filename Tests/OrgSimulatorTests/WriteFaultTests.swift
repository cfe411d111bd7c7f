import Encoding
import Testing

@testable import OrgSimulator

/// Faults of writes, and the ways to find out what was written.
struct WriteFaultTests {
    private func account(_ number: Int) -> String { IDSpace(keyPrefix: "001", org: 1).id(number).text18 }

    @Test func `a lost response is carried out, and a late commit is carried out later`() throws {
        var test = TestWorld()
        let token = try test.token()
        let lost = #"{"kind":"lost_response","org":"1","path":"/sobjects","count":1}"#
        #expect(test.call("POST", "/simulator/faults", body: lost).status == 204)
        // Reads do not use up the fault.
        #expect(!test.send("GET", "/sobjects/Account/\(account(1))", token: token).isLost)
        let body = #"{"records":[{"attributes":{"type":"Account"},"Name":"lost"}]}"#
        #expect(test.send("POST", "/composite/sobjects", token: token, body: body).isLost)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 301)
        #expect(!test.send("POST", "/composite/sobjects", token: token, body: body).isLost)
        let late = #"{"kind":"late_commit","path":"/sobjects","method":"POST","milliseconds":20000}"#
        #expect(test.call("POST", "/simulator/faults", body: late).status == 204)
        #expect(test.send("POST", "/composite/sobjects", token: token, body: body).isLost)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 302)
        #expect(test.world.nextDue == test.now + 20_000)
        test.now += 19_999
        #expect(test.query("SELECT COUNT() FROM Account", token: token).document["totalSize"] == 302)
        test.now += 1
        #expect(test.query("SELECT COUNT() FROM Account", token: token).document["totalSize"] == 303)
        #expect(test.world.orgs[0].writeLog.entries.last?.commit.now == test.now)
    }

    @Test func `each step of a Bulk job can lose its response`() throws {
        var test = TestWorld()
        let token = try test.token()
        func fault(_ method: String) {
            let body = #"{"kind":"lost_response","path":"/jobs/ingest","method":"\#(method)"}"#
            #expect(test.call("POST", "/simulator/faults", body: body).status == 204)
        }
        fault("POST")
        let create = #"{"object":"Account","operation":"insert"}"#
        #expect(test.send("POST", "/jobs/ingest", token: token, body: create).isLost)
        let listed = test.send("GET", "/jobs/ingest", token: token).document["records"]?.elements
        let job = "/jobs/ingest/\(try #require(listed?.first?["id"]?.text))"
        fault("PUT")
        let upload = test.send(
            "PUT", job + "/batches", token: token, headers: ["Content-Type": "text/csv"], body: "Name\nx\n")
        #expect(upload.isLost)
        fault("PATCH")
        #expect(
            test.send("PATCH", job, token: token, body: #"{"state":"UploadComplete"}"#).isLost)
        _ = test.send("GET", job, token: token)
        #expect(test.send("GET", job, token: token).document["state"] == "JobComplete")
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 301)
    }

    @Test func `every nth row of some calls and jobs fails`() throws {
        var test = TestWorld()
        let token = try test.token()
        let fault = #"{"kind":"fail_rows","path":"/","count":2,"nth":2,"code":"UNABLE_TO_LOCK_ROW"}"#
        #expect(test.call("POST", "/simulator/faults", body: fault).status == 204)
        let record = #"{"attributes":{"type":"Account"},"Name":"x"}"#
        let body = #"{"records":[\#(record),\#(record),\#(record),\#(record)]}"#
        func successes() -> [JSONValue?] {
            test.send("POST", "/composite/sobjects", token: token, body: body).document.elements.map {
                $0["success"]
            }
        }
        #expect(successes() == [true, false, true, false])
        let created = test.send(
            "POST", "/jobs/ingest", token: token, body: #"{"object":"Account","operation":"insert"}"#)
        let job = "/jobs/ingest/\(try #require(created.document["id"]?.text))"
        _ = test.send(
            "PUT", job + "/batches", token: token, headers: ["Content-Type": "text/csv"],
            body: "Name\n" + (0..<301).map { "n\($0)\n" }.joined())
        _ = test.send("PATCH", job, token: token, body: #"{"state":"UploadComplete"}"#)
        #expect(test.send("GET", job, token: token).document["numberRecordsFailed"] == 150)
        #expect(successes() == [true, true, true, true])
    }

    @Test func `recorded writes are in the order of commits, bounded, and can be filtered`() throws {
        var test = TestWorld { $0.limits.recordedWrites = 3 }
        let token = try test.token()
        let path = "/sobjects/Account/\(account(1))"
        for step in 0..<4 {
            test.now += 10
            _ = test.send("PATCH", path, token: token, body: #"{"Site":"\#(step)","Fax":null}"#)
        }
        #expect(test.send("DELETE", "/sobjects/Account/\(account(2))", token: token).status == 204)
        test.change(#"{"kind":"update","ids":["\#(account(3))"],"values":{"Site":"by a user"}}"#)
        func writes(_ query: String) -> [JSONValue] {
            test.get("/simulator/orgs/1/writes?\(query)", token: nil).document.elements
        }
        #expect(writes("").map { $0["serial"] } == [1, 2, 3, 4, 5])
        #expect(writes("id=\(account(1))").map { $0["fields"]?["Site"] } == ["0", "1", "2", "3"])
        #expect(writes("")[0]["fields"]?["Fax"] == .null)
        #expect(writes("")[0]["committed"]?.number == test.now - 30)
        #expect(writes("kind=delete&object=account").map { $0["id"]?.text } == [account(2)])
        #expect(writes("after=3&limit=1").map { $0["serial"] } == [4])
        for step in 0..<2 { _ = test.send("PATCH", path, token: token, body: #"{"Site":"\#(step)"}"#) }
        #expect(writes("").map { $0["serial"] } == [5, 6, 7])
        #expect(writes("after=5").map { $0["serial"] } == [6, 7])
        test.change(#"{"kind":"settings","settings":{"recordsWrites":false}}"#)
        _ = test.send("PATCH", path, token: token, body: #"{"Site":"unrecorded"}"#)
        #expect(writes("").count == 3)
        #expect(test.call("DELETE", "/simulator/orgs/1/writes").status == 204)
        #expect(writes("").isEmpty)
    }

    @Test func `a look-up finds the records that a user made in a window`() throws {
        var test = TestWorld()
        test.now = 1_800_000_000_000
        let token = try test.token()
        let user = test.world.orgs[0].users[0].id.text18
        var ids: [String] = []
        for number in 0..<4 {
            test.now += 60_000
            let body = #"{"Name":"n\#(number)","External_ID__c":"look-\#(number)"}"#
            let reply = test.send("POST", "/sobjects/Account", token: token, body: body)
            ids.append(try #require(reply.document["id"]?.text))
        }
        func found(_ condition: String, path: String = "query") -> [String?] {
            let soql = "SELECT Id, IsDeleted FROM Account WHERE \(condition) ORDER BY CreatedDate, Id"
            let records = test.query(soql, token: token, path: path).document["records"]?.elements
            return records?.map { $0["Id"]?.text } ?? []
        }
        let window = "CreatedById = '\(user)' AND CreatedDate >= 2027-01-15T08:02:00Z"
        #expect(found("\(window) AND CreatedDate <= 2027-01-15T08:03:00.000Z") == [ids[1], ids[2]])
        #expect(found("LastModifiedById = '\(user)' AND LastModifiedDate > 2027-01-15T08:03:30Z") == [ids[3]])
        // The first creation made the index of external ids.
        #expect(found("External_ID__c IN ('LOOK-3','look-0','none')") == [ids[0], ids[3]])
        #expect(found("External_ID__c = 'look-2' AND \(window)") == [ids[2]])
        #expect(test.send("DELETE", "/sobjects/Account/\(ids[3])", token: token).status == 204)
        #expect(found("External_ID__c IN ('look-3','look-0')") == [ids[0]])
        #expect(found("External_ID__c IN ('look-3') AND IsDeleted = true", path: "queryAll") == [ids[3]])
        #expect(found("Id IN ('\(ids[3])')", path: "queryAll") == [ids[3]])
    }
}
