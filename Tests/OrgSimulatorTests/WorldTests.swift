import Encoding
import Testing

@testable import OrgSimulator

struct WorldTests {
    @Test func `the same seed gives the same orgs, another seed gives others`() throws {
        let (first, second) = (TestWorld().world, TestWorld().world)
        let third = TestWorld { $0.seed = 2 }.world
        #expect(first.orgs.map(\.id) == second.orgs.map(\.id))
        #expect(first.orgs[1].id != third.orgs[1].id)
        let place = try #require(Catalog.account.place(of: "Name"))
        func names(_ world: World, _ org: Int) throws -> [FieldValue] {
            let table = try #require(world.orgs[org].table("account"))
            return (0..<50).map { table.value($0, place) }
        }
        #expect(try names(first, 0) == names(second, 0))
        #expect(try names(first, 0) != names(first, 1))
        #expect(try names(first, 0) != names(third, 0))
    }

    @Test func `Account has fields of all types`() {
        let fields = Catalog.account.fields
        #expect(fields.filter { $0.type != .address }.count >= 35)
        let types: Set<FieldKind> = [
            .id, .reference, .string, .textarea, .picklist, .multipicklist, .boolean, .int, .double,
            .currency, .percent,
            .date, .datetime, .time, .email, .phone, .url, .address,
        ]
        #expect(Set(fields.map(\.type)) == types)
        #expect(fields.contains { $0.isExternalID })
    }

    @Test func `texts fit their fields`() {
        for org in TestWorld({ $0.accounts = 3000 }).world.orgs.prefix(1) {
            for name in ["Account", "Contact", "Tweet__c", "Connection__c"] {
                guard let table = org.table(name) else { continue }
                for (place, field) in table.schema.fields.enumerated() where field.length > 0 {
                    for row in 0..<table.rowCount {
                        guard case .text(let text) = table.value(row, place) else { continue }
                        #expect(text.utf16.count <= field.length, "\(name).\(field.name)")
                        #expect(!text.isEmpty)
                    }
                }
            }
        }
    }

    @Test func `the list of versions needs no token and does not count as a call`() {
        var test = TestWorld()
        let versions = test.get("/services/data/", token: nil)
        #expect(versions.header("Sforce-Limit-Info") == nil)
        #expect(
            versions.document.elements.contains([
                "label": "Summer '24", "url": "/services/data/v61.0", "version": "61.0",
            ]))
    }

    @Test func `every answer has the usage`() throws {
        var test = TestWorld()
        let token = try test.token()
        _ = test.get("/services/data/v66.0/", token: token)
        let reply = test.get("/services/data/v66.0/limits", token: token)
        #expect(reply.header("Sforce-Limit-Info") == "api-usage=2/100000")
        #expect(reply.document["DailyApiRequests"]?["Remaining"] == 99_998)
        #expect(
            test.get("/services/data/v66.0/limits/recordCount?sObjects=Account,RecordType", token: token).text
                == #"{"sObjects":[{"count":300,"name":"Account"}]}"#)
        #expect(test.get("/services/data/v99.0/limits", token: token).status == 404)
    }

    @Test func `a user without API rights is refused`() throws {
        var test = TestWorld()
        let reply = test.get("/services/data/v66.0/limits", token: try test.token("noapi@org1.example"))
        #expect(reply.status == 403)
        #expect(reply.document.elements.first?["errorCode"] == "API_DISABLED_FOR_ORG")
    }

    @Test func `AuthConnection works in orgs with the package`() throws {
        var test = TestWorld {
            $0.namespace = "mc"
            $0.orgsWithoutPackage = [2]
        }
        let path = "/services/apexrest/mc/AuthConnection"
        let body = #"{"connectionId":"1","authorizeUrl":"https://app.test"}"#
        #expect(test.call("POST", path, token: try test.token(), body: body).status == 200)
        #expect(
            test.call("POST", path, token: try test.token("admin@org2.example"), body: body).status == 404)
        #expect(
            test.call("POST", "/services/apexrest/AuthConnection", token: try test.token(), body: body).status
                == 404)
        let heard = test.get("/simulator/orgs/1/announcements", token: nil).document.elements
        #expect(heard.count == 1)
        #expect(heard.first?["connectionId"] == "1")
        #expect(test.get("/simulator/orgs/1/calls", token: nil).document["authConnection"] == 1)
    }

    @Test func `a fault affects the configured number of calls of a path and an org`() throws {
        var test = TestWorld()
        let (first, second) = (try test.token(), try test.token("admin@org2.example"))
        _ = test.call(
            "POST", "/simulator/faults",
            body: #"{"kind":"fail","path":"/limits","count":2,"status":503,"org":"2"}"#)
        let path = "/services/data/v66.0/limits"
        #expect(test.get(path, token: first).status == 200)
        let failed = test.get(path, token: second)
        #expect(failed.status == 503)
        #expect(failed.document.elements.first?["errorCode"] == "SERVER_UNAVAILABLE")
        #expect(test.get(path, token: second).status == 503)
        #expect(test.get(path, token: second).status == 200)
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"drop","path":"/limits","bytes":7}"#)
        #expect(test.get(path, token: first).dropAfterBytes == 7)
        #expect(test.get(path, token: first).dropAfterBytes == nil)
        #expect(test.call("POST", "/simulator/faults", body: #"{"kind":"nonsense"}"#).status == 400)
    }

    @Test func `all tokens of an org can be expired`() throws {
        var test = TestWorld()
        let (first, second) = (try test.token(), try test.token("admin@org2.example"))
        let id = test.world.orgs[0].id.text15
        _ = test.call("POST", "/simulator/faults", body: #"{"kind":"expire_access_tokens","org":"\#(id)"}"#)
        #expect(test.get("/services/data/v66.0/", token: first).status == 401)
        #expect(test.get("/services/data/v66.0/", token: second).status == 200)
    }

    @Test func `a record is returned by its id`() throws {
        var test = TestWorld()
        let token = try test.token()
        let id = IDSpace(keyPrefix: "001", org: 1).id(3).text18
        let record = test.get("/services/data/v66.0/sobjects/Account/\(id)?fields=Name,Id", token: token)
            .document
        #expect(record.names == ["Id", "Name", "attributes"])
        #expect(record["Id"]?.text == id)
        #expect(
            test.get("/services/data/v66.0/sobjects/Account/001S1000000zzzzMAA", token: token).status == 404)
    }
}
