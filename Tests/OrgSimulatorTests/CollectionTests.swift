import Encoding
import Testing

@testable import OrgSimulator

/// Requests with several records.
struct CollectionTests {
    private static let path = "/composite/sobjects"

    private func account(_ number: Int) -> String { IDSpace(keyPrefix: "001", org: 1).id(number).text18 }

    private func codes(_ reply: Reply) -> [String?] {
        reply.document.elements.map { $0["errors"]?.elements.first?["statusCode"]?.text }
    }

    @Test func `one record id twice refuses both rows`() throws {
        var test = TestWorld()
        let token = try test.token()
        let type = #""attributes":{"type":"Account"}"#
        let body = #"""
            {"records":[{\#(type),"id":"\#(account(1))","Name":"a"},
            {\#(type),"Id":"\#(account(1))","Name":"b"},
            {\#(type),"id":"\#(account(2))","Name":"c"}]}
            """#
        let reply = test.send("PATCH", Self.path, token: token, body: body)
        #expect(codes(reply) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", nil])
        let deletion = test.send(
            "DELETE", "\(Self.path)?ids=\(account(1)),\(account(1)),\(account(3))", token: token)
        #expect(codes(deletion) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", nil])
    }

    @Test func `one upsert key twice refuses both rows, and keys ignore case`() throws {
        var test = TestWorld()
        let token = try test.token()
        let body = #"""
            {"records":[{"External_ID__c":"k","Name":"a"},{"External_ID__c":"K","Name":"b"},
            {"External_ID__c":"other","Name":"c"},{"Name":"d"}]}
            """#
        let reply = test.send("PATCH", "\(Self.path)/Account/External_ID__c", token: token, body: body)
        #expect(codes(reply) == ["DUPLICATE_VALUE", "DUPLICATE_VALUE", nil, "MISSING_ARGUMENT"])
        let text = reply.document.elements[0]["errors"]?.elements.first?["message"]
        #expect(text == "Duplicate external id specified: k")
        #expect(reply.document.elements[2]["created"] == true)
    }

    @Test func `two inserts of one request cannot share a unique value`() throws {
        var test = TestWorld()
        let token = try test.token()
        let record = #"{"attributes":{"type":"Account"},"Name":"x","External_ID__c":"same"}"#
        let reply = test.send(
            "POST", Self.path, token: token, body: #"{"records":[\#(record),\#(record)]}"#)
        #expect(codes(reply) == [nil, "DUPLICATE_VALUE"])
    }

    @Test func `more than ten chunks or 200 records refuse the request`() throws {
        var test = TestWorld()
        let token = try test.token()
        let pair = #"""
            {"attributes":{"type":"Account"},"Name":"x"},{"attributes":{"type":"Contact"},"LastName":"y"}
            """#
        func send(_ records: [String]) -> Reply {
            test.send(
                "POST", Self.path, token: token, body: #"{"records":[\#(records.joined(separator: ","))]}"#)
        }
        #expect(send(Array(repeating: pair, count: 5)).document.elements.allSatisfy { $0["success"] == true })
        #expect(send(Array(repeating: pair, count: 6)).status == 400)
        let many = send(Array(repeating: #"{"attributes":{"type":"Account"},"Name":"x"}"#, count: 201))
        #expect(many.document.elements.first?["errorCode"] == "EXCEEDED_ID_LIMIT")
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 305)
    }

    @Test func `a key or a parent that several records have is an error`() throws {
        var test = TestWorld()
        let token = try test.token()
        test.change(#"{"kind":"settings","settings":{"notUnique":["Account.External_ID__c"]}}"#)
        for name in ["a", "b"] {
            let body = #"{"Name":"\#(name)","External_ID__c":"two"}"#
            #expect(test.send("POST", "/sobjects/Account", token: token, body: body).status == 201)
        }
        let field = test.send("GET", "/sobjects/Account/describe", token: token).document["fields"]?.elements
            .first { $0["name"] == "External_ID__c" }
        #expect(field?["unique"] == false)
        #expect(field?["externalId"] == true)
        let upsert = test.send(
            "PATCH", "\(Self.path)/Account/External_ID__c", token: token,
            body: #"{"records":[{"External_ID__c":"two","Name":"c"}]}"#)
        #expect(codes(upsert) == ["DUPLICATE_EXTERNAL_ID"])
        let single = test.send(
            "PATCH", "/sobjects/Account/External_ID__c/two", token: token, body: #"{"Name":"c"}"#)
        #expect(single.status == 300)
        #expect(single.document.elements.count == 2)
        let type = #""attributes":{"type":"Contact"}"#
        let children = test.send(
            "POST", Self.path, token: token,
            body: #"""
                {"records":[{\#(type),"LastName":"x","Account":{"External_ID__c":"two"}},
                {\#(type),"LastName":"y","Account":{"External_ID__c":"none"}},
                {\#(type),"LastName":"z","Account":null}]}
                """#)
        #expect(codes(children) == ["DUPLICATE_EXTERNAL_ID", "INVALID_FIELD", nil])
        let text = children.document.elements[1]["errors"]?.elements.first?["message"]?.text
        #expect(text == "Foreign key external ID: none not found for field External_ID__c in entity Account")
        // After one of them is gone the key is valid again.
        let id = try #require(single.document.elements.first?.text?.split(separator: "/").last)
        #expect(test.send("DELETE", "/sobjects/Account/\(id)", token: token).status == 204)
        let again = test.send(
            "PATCH", "\(Self.path)/Account/External_ID__c", token: token,
            body: #"{"records":[{"External_ID__c":"two","Name":"c"}]}"#)
        #expect(again.document.elements.first?["created"] == false)
    }

    @Test func `read-only, calculated and missing fields refuse their rows only`() throws {
        var test = TestWorld()
        let token = try test.token()
        let type = #""attributes":{"type":"Account"}"#
        let body = #"""
            {"records":[{\#(type),"Name":"a","Revenue_Per_Employee__c":1},
            {\#(type),"Name":"b","IsDeleted":true},
            {\#(type),"Industry":"Energy"},{\#(type),"Name":"c"}]}
            """#
        let reply = test.send("POST", Self.path, token: token, body: body)
        let readOnly = "INVALID_FIELD_FOR_INSERT_UPDATE"
        #expect(codes(reply) == [readOnly, readOnly, "REQUIRED_FIELD_MISSING", nil])
        let fields = reply.document.elements[0]["errors"]?.elements.first?["fields"]?.elements
        #expect(fields == ["Revenue_Per_Employee__c"])
    }

    @Test func `a value of a wrong type refuses the request, or its row`() throws {
        var test = TestWorld()
        let token = try test.token()
        let body = #"""
            {"records":[{"attributes":{"type":"Account"},"Name":"a","NumberOfEmployees":"many"},
            {"attributes":{"type":"Account"},"Name":"b"}]}
            """#
        let reply = test.send("POST", Self.path, token: token, body: body)
        #expect(reply.status == 400)
        #expect(reply.document.elements.first?["errorCode"] == "JSON_PARSER_ERROR")
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 300)
        test.world.configuration.assumptions.wrongTypesRefuseCollections = false
        #expect(codes(test.send("POST", Self.path, token: token, body: body)) == ["JSON_PARSER_ERROR", nil])
    }

    @Test func `with all-or-none one error rolls back all, and the others keep their ids`() throws {
        var test = TestWorld()
        let token = try test.token()
        let type = #""attributes":{"type":"Account"}"#
        let body = #"{"allOrNone":true,"records":[{\#(type),"Name":"a"},{\#(type)}]}"#
        let reply = test.send("POST", Self.path, token: token, body: body)
        #expect(codes(reply) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "REQUIRED_FIELD_MISSING"])
        #expect(reply.document.elements[0]["id"]?.text?.hasPrefix("001") == true)
        #expect(reply.document.elements[0]["success"] == false)
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 300)
    }

    @Test func `the org assigns another owner unless the call forbids it`() throws {
        var test = TestWorld()
        let token = try test.token()
        let record = #"{"attributes":{"type":"Lead"},"LastName":"L","Company":"C"}"#
        func owner(_ headers: [String: String]) throws -> JSONValue? {
            let reply = test.send(
                "POST", Self.path, token: token, headers: headers, body: #"{"records":[\#(record)]}"#)
            let id = try #require(reply.document.elements.first?["id"]?.text)
            return test.send("GET", "/sobjects/Lead/\(id)", token: token).document["OwnerId"]
        }
        let users = test.world.orgs[0].users.map(\.id.text18)
        #expect(try owner([:])?.text == users[1])
        #expect(try owner(["Sforce-Auto-Assign": "FALSE"])?.text == users[0])
        test.change(#"{"kind":"settings","settings":{"assignment":["Account"]}}"#)
        #expect(try owner([:])?.text == users[0])
    }

    @Test func `a composite request refers to earlier results`() throws {
        var test = TestWorld()
        let token = try test.token()
        let base = "/services/data/v66.0/sobjects"
        func body(_ name: String, allOrNone: Bool) -> String {
            #"""
            {"allOrNone":\#(allOrNone),"compositeRequest":[
            {"method":"POST","url":"\#(base)/Account","referenceId":"a","body":{"Name":"Parent"}},
            {"method":"POST","url":"\#(base)/Contact","referenceId":"c",
             "body":{"\#(name)":"Child","AccountId":"@{a.id}"}},
            {"method":"GET","url":"\#(base)/Account/@{a.id}?fields=Name","referenceId":"g"}]}
            """#
        }
        let reply = test.send("POST", "/composite", token: token, body: body("LastName", allOrNone: true))
        let entries = reply.document["compositeResponse"]?.elements ?? []
        #expect(entries.map { $0["httpStatusCode"] } == [201, 201, 200])
        #expect(entries.last?["body"]?["Name"] == "Parent")
        #expect(entries[0]["httpHeaders"]?["Location"]?.text?.hasPrefix(base) == true)
        let failed = test.send("POST", "/composite", token: token, body: body("Nope", allOrNone: true))
        let halted = failed.document["compositeResponse"]?.elements ?? []
        #expect(
            halted.map { $0["body"]?.elements.first?["errorCode"]?.text } == [
                "PROCESSING_HALTED", "INVALID_FIELD", "PROCESSING_HALTED",
            ])
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 301)
        let partly = test.send("POST", "/composite", token: token, body: body("Nope", allOrNone: false))
        #expect(
            partly.document["compositeResponse"]?.elements.map { $0["httpStatusCode"] } == [201, 400, 200])
        #expect(test.world.orgs[0].tables["account"]?.liveCount == 302)
    }
}
