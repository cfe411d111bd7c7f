import Encoding
import Testing

@testable import OrgSimulator

/// Rules of an org, and calls that take time.
struct OrgRuleTests {
    private func settings(_ test: inout TestWorld, _ settings: String) {
        test.change(#"{"kind":"settings","settings":{\#(settings)}}"#)
    }

    private func error(_ reply: Reply) -> JSONValue? { reply.document.elements.first }

    private func account(_ number: Int) -> String { IDSpace(keyPrefix: "001", org: 1).id(number).text18 }

    private func start(
        _ test: inout TestWorld, _ method: String, _ path: String, token: String, _ body: String
    ) throws -> (number: Int, due: Int) {
        let call = IncomingCall(
            method, TestWorld.base + path, headers: ["Authorization": "Bearer \(token)"],
            body: Array(body.utf8), now: test.now)
        guard case .running(let number, let due) = test.world.begin(call) else {
            throw NotRunning()
        }
        return (number, due)
    }

    private struct NotRunning: Error {}

    @Test func `a validation rule refuses a value on create, update and unrelated change`() throws {
        var test = TestWorld()
        let token = try test.token()
        let path = "/sobjects/Account/\(account(1))"
        #expect(test.send("PATCH", path, token: token, body: #"{"Site":"bad place"}"#).status == 204)
        settings(&test, #""validation":[{"object":"Account","field":"Site","text":"bad","message":"No"}]"#)
        let created = test.send(
            "POST", "/sobjects/Account", token: token, body: #"{"Name":"x","Site":"a bad"}"#)
        #expect(created.status == 400)
        #expect(error(created)?["errorCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION")
        #expect(error(created)?["message"] == "No")
        #expect(error(created)?["fields"]?.elements == ["Site"])
        #expect(test.send("PATCH", path, token: token, body: #"{"Fax":"1"}"#).status == 400)
        #expect(test.send("PATCH", path, token: token, body: #"{"Site":"good"}"#).status == 204)
        settings(&test, #""validation":[]"#)
        #expect(test.send("PATCH", path, token: token, body: #"{"Site":"bad"}"#).status == 204)
    }

    @Test func `a duplicate rule refuses a second record, unless the call allows it`() throws {
        var test = TestWorld()
        let token = try test.token()
        settings(&test, #""duplicates":[{"object":"Lead","field":"Email"}]"#)
        let body = #"{"LastName":"L","Company":"C","Email":"a@b.example"}"#
        #expect(test.send("POST", "/sobjects/Lead", token: token, body: body).status == 201)
        let second = test.send("POST", "/sobjects/Lead", token: token, body: body)
        #expect(error(second)?["errorCode"] == "DUPLICATES_DETECTED")
        let allowed = test.send(
            "POST", "/sobjects/Lead", token: token,
            headers: ["Sforce-Duplicate-Rule-Header": "allowSave=true"], body: body)
        #expect(allowed.status == 201)
    }

    @Test func `a flow sets another field, or the written one, in the same transaction`() throws {
        var test = TestWorld()
        let token = try test.token()
        settings(
            &test,
            #""flow":[{"object":"Account","when":"Name","set":"Site","prefix":"site of "},"#
                + #"{"object":"Account","when":"Name","set":"Name","change":"upper"}]"#)
        let reply = test.send(
            "POST", "/sobjects/Account", token: token,
            headers: ["Sforce-Call-Options": "client=mc-7"], body: #"{"Name":"acme"}"#)
        let id = try #require(reply.document["id"]?.text)
        let record = test.send("GET", "/sobjects/Account/\(id)", token: token).document
        #expect(record["Name"] == "ACME")
        #expect(record["Site"] == "site of acme")
        #expect(record["LastModifiedById"]?.text == test.world.orgs[0].users[0].id.text18)
        let written = test.get("/simulator/orgs/1/writes", token: nil).document.elements
        #expect(written.count == 1)
        #expect(written[0]["fields"] == ["Name": "acme"])
        #expect(written[0]["orgFields"] == ["Name": "ACME", "Site": "site of acme"])
        #expect(written[0]["client"] == "mc-7")
        #expect(written[0]["kind"] == "create")
        let data = try #require(test.world.orgs[0].events.events(after: 0).last?.data)
        let event = String(decoding: data, as: UTF8.self)
        #expect(event.contains(#""changeOrigin":"com/salesforce/api/rest/66.0;client=mc-7""#))
        #expect(event.contains("site of acme"))
    }

    @Test func `a write call takes time, and other calls go on`() throws {
        var test = TestWorld()
        let token = try test.token()
        settings(&test, #""writeDelay":500"#)
        let path = "/sobjects/Account/\(account(1))"
        let run = try start(&test, "PATCH", path, token: token, #"{"Site":"late"}"#)
        #expect(run.due == test.now + 500)
        test.now += 400
        #expect(test.send("GET", path, token: token).document["Site"] != "late")
        #expect(test.world.nextDue == nil)
        #expect(test.world.finish(run.number, now: run.due).status == 204)
        #expect(test.send("GET", path, token: token).document["Site"] == "late")
        let gone = try start(&test, "PATCH", path, token: token, #"{"Site":"later"}"#)
        test.world.abandon(gone.number)
        #expect(test.world.nextDue == gone.due)
        test.now += 500
        #expect(test.send("GET", path, token: token).document["Site"] == "later")
    }

    @Test func `the later of two calls that touch a record or a parent cannot lock it`() throws {
        var test = TestWorld()
        let token = try test.token()
        settings(&test, #""writeDelay":500,"locks":true"#)
        let first = try start(
            &test, "POST", "/sobjects/Contact", token: token,
            #"{"LastName":"a","AccountId":"\#(account(1))"}"#)
        let type = #""attributes":{"type":"Contact"}"#
        let second = try start(
            &test, "POST", "/composite/sobjects", token: token,
            #"""
            {"records":[{\#(type),"LastName":"b","AccountId":"\#(account(1))"},
            {\#(type),"LastName":"c","AccountId":"\#(account(2))"}]}
            """#)
        // Holds neither record: the first call has account 1.
        let third = try start(
            &test, "PATCH", "/sobjects/Account/\(account(2))", token: token, #"{"Site":"x"}"#)
        #expect(test.world.finish(first.number, now: first.due).status == 201)
        let results = test.world.finish(second.number, now: second.due).document.elements
        #expect(results.map { $0["success"] } == [false, true])
        #expect(results[0]["errors"]?.elements.first?["statusCode"] == "UNABLE_TO_LOCK_ROW")
        let refused = test.world.finish(third.number, now: third.due)
        #expect(error(refused)?["errorCode"] == "UNABLE_TO_LOCK_ROW")
        test.now += 1000
        let again = test.send(
            "PATCH", "/sobjects/Account/\(account(2))", token: token, body: #"{"Site":"x"}"#)
        #expect(again.status == 204)
    }
}
