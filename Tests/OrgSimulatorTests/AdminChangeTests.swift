import Encoding
import Testing

@testable import OrgSimulator

/// `POST /simulator/orgs/<org>/changes`
struct AdminChangeTests {
    private func change(_ test: inout TestWorld, _ body: String) -> JSONValue {
        let reply = test.call("POST", "/simulator/orgs/1/changes", body: body)
        #expect(reply.status == 200, "\(reply.text)")
        return reply.document
    }

    private func query(_ test: inout TestWorld, _ soql: String) throws -> [JSONValue] {
        test.query(soql, token: try test.token()).document["records"]?.elements ?? []
    }

    @Test func `random changes are equal for equal seeds, and every row stays consistent`() throws {
        let body = #"""
            {"kind":"random","seed":7,"count":400,"objects":["Account","Contact","Tweet__c"],
            "kinds":["create","update","update","delete","undelete","hardDelete","merge","reparent","cascade"]}
            """#
        var first = TestWorld.streaming()
        var second = TestWorld.streaming()
        #expect(change(&first, body) == change(&second, body))
        for name in ["Account", "Contact", "Tweet__c"] {
            let (left, right) = (
                try #require(first.world.orgs[0].table(name)), try #require(second.world.orgs[0].table(name))
            )
            #expect(left.rowCount == right.rowCount)
            var live = 0
            for row in 0..<left.rowCount {
                #expect(left.row(left.id(row)) == row)
                if !left.isDeleted(row) { live += 1 }
                for place in left.schema.fields.indices where !left.isPurged(row) {
                    #expect(left.value(row, place) == right.value(row, place))
                }
            }
            #expect(live == left.liveCount)
        }
        let path = "/simulator/orgs/1/objects/Account/checksums"
        #expect(first.get(path, token: nil).text == second.get(path, token: nil).text)
        let log = first.get("/simulator/orgs/1/changes?limit=5", token: nil).document.elements
        #expect(log.map { $0["serial"]?.number } == [1, 2, 3, 4, 5])
        #expect(log[0]["committed"]?.number == first.now)
    }

    @Test func `roll-ups equal the number of live children after random changes`() throws {
        var test = TestWorld.streaming()
        _ = change(
            &test,
            #"{"kind":"random","seed":3,"count":300,"objects":["Contact"],"kinds":["create","update","delete","undelete"]}"#
        )
        let org = test.world.orgs[0]
        let (accounts, contacts) = (try #require(org.table("Account")), try #require(org.table("Contact")))
        let reference = try #require(contacts.schema.place(of: "AccountId"))
        let counter = try #require(accounts.schema.place(of: "Contact_Count__c"))
        var counts: [OrgRecordID: Double] = [:]
        for row in 0..<contacts.rowCount where !contacts.isDeleted(row) {
            if case .id(let id) = contacts.value(row, reference) { counts[id, default: 0] += 1 }
        }
        for row in 0..<accounts.liveRows {
            #expect(accounts.value(row, counter) == .number(counts[accounts.id(row)] ?? 0))
        }
    }

    @Test func `a late change has an earlier stamp than the time it becomes visible`() throws {
        var test = TestWorld.streaming()
        var subscriber = try StreamTests.Subscriber.ready(&test)
        _ = subscriber.connect(&test)
        let started = test.now
        _ = change(
            &test, #"{"kind":"create","records":[{"Name":"late"}],"visibleAfter":5000}"#)
        let soql = "SELECT SystemModstamp FROM Account WHERE Name = 'late'"
        test.now += 4999
        #expect(try query(&test, soql).isEmpty)
        let wait = try #require(subscriber.wait)
        let reply = test.world.resume(wait, now: test.now)
        guard case .wait(let next) = reply.body else {
            Issue.record("the event came before its commit")
            return
        }
        #expect(next.until == started + 5000)
        test.now += 1
        let event = test.world.resume(next, now: test.now).document.elements.first
        #expect(event?["data"]?["payload"]?["Name"] == "late")
        #expect(try query(&test, soql).first?["SystemModstamp"] == "2023-11-14T22:13:20.000+0000")
    }

    @Test func `gaps, overflows and wildcards have a header only`() throws {
        var test = TestWorld.streaming()
        var subscriber = try StreamTests.Subscriber.ready(&test)
        let gap = change(&test, #"{"kind":"gap","changeType":"GAP_UPDATE","count":2}"#)
        _ = change(&test, #"{"kind":"overflow"}"#)
        _ = change(&test, #"{"kind":"wildcard"}"#)
        let headers = subscriber.connect(&test).compactMap { $0["data"]?["payload"]?["ChangeEventHeader"] }
        #expect(headers.map { $0["changeType"] } == ["GAP_UPDATE", "GAP_OVERFLOW", "GAP_UPDATE"])
        #expect(headers[0]["recordIds"] == gap["ids"])
        #expect(headers[1]["recordIds"]?.elements == ["000000000000000AAA"])
        #expect(headers[2]["recordIds"]?.elements == ["001*"])
    }

    @Test func `cascades, merges and conversions change rows without events`() throws {
        var test = TestWorld.streaming { $0.leads = 10 }
        let token = try test.token()
        let id = IDSpace(keyPrefix: "001", org: 1).id(1).text18
        _ = change(
            &test, #"{"kind":"create","object":"Contact","records":[{"LastName":"C","AccountId":"\#(id)"}]}"#)
        var subscriber = try StreamTests.Subscriber.ready(&test)
        _ = change(&test, #"{"kind":"cascade","ids":["\#(id)"]}"#)
        #expect(subscriber.connect(&test).count == 2)
        let soql = "SELECT Id FROM Contact WHERE AccountId = '\(id)'"
        #expect(try query(&test, soql).isEmpty)
        let converted = change(&test, #"{"kind":"convertLead","seed":2}"#)
        #expect(converted["changes"] == 3)
        #expect(subscriber.connect(&test).count == 3)
        let leads = test.query(
            "SELECT Id, ConvertedAccountId FROM Lead WHERE IsConverted = true", token: token)
        #expect(leads.document["totalSize"] == 1)
    }

    @Test func `a retyped field keeps the values that fit`() throws {
        var test = TestWorld.streaming()
        _ = change(&test, #"{"kind":"create","records":[{"Name":"r","Sic":"1234"},{"Name":"r","Sic":"x"}]}"#)
        _ = change(&test, #"{"kind":"retypeField","field":"Sic","type":"double"}"#)
        let rows = try query(&test, "SELECT Sic FROM Account WHERE Name = 'r'")
        #expect(rows.map { $0["Sic"]?.serialized } == ["1234.0", "null"])
    }

    @Test func `channels and selected objects are listed by the Tooling API`() throws {
        var test = TestWorld.streaming()
        _ = change(
            &test,
            #"{"kind":"settings","settings":{"selected":["Account"],"channels":{"Sync":["Contact","Tweet__c"]}}}"#
        )
        let token = try test.token()
        func tooling(_ soql: String) -> JSONValue {
            test.query(soql, token: token, path: "tooling/query").document
        }
        let standard = tooling(
            "SELECT SelectedEntity FROM PlatformEventChannelMember WHERE EventChannel = 'ChangeEvents'")
        #expect(standard["records"]?.elements.map { $0["SelectedEntity"] } == ["AccountChangeEvent"])
        let channel = tooling("SELECT Id, DeveloperName FROM PlatformEventChannel")["records"]?.elements.first
        #expect(channel?["DeveloperName"] == "Sync")
        let id = try #require(channel?["Id"]?.text)
        let members = tooling(
            "SELECT SelectedEntity FROM PlatformEventChannelMember WHERE EventChannel = '\(id)'")
        #expect(
            members["records"]?.elements.compactMap { $0["SelectedEntity"]?.text }
                == ["ContactChangeEvent", "Tweet__ChangeEvent"])
        var subscriber = try StreamTests.Subscriber.ready(&test, "/data/Sync__chn")
        _ = change(&test, #"{"kind":"update","object":"Tweet__c"}"#)
        _ = change(&test, #"{"kind":"update","object":"Account"}"#)
        let messages = subscriber.connect(&test)
        #expect(messages.count == 2)
        let schema = try #require(messages[0]["data"]?["schema"]?.text)
        let document = test.get("/services/data/v66.0/event/eventSchema/\(schema)", token: token).document
        #expect(document["name"] == "Tweet__ChangeEvent")
        #expect(document["uuid"]?.text == schema)
    }
}
