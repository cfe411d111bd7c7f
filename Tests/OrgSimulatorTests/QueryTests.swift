import Encoding
import Testing

@testable import OrgSimulator

struct QueryTests {
    @Test func `pages follow until all rows are returned`() throws {
        var test = TestWorld { $0.accounts = 450 }
        let token = try test.token()
        var reply = test.call(
            "GET", "/services/data/v66.0/query?q=SELECT+Id+FROM+Account", token: token,
            headers: ["Sforce-Query-Options": "batchSize=200"])
        var ids: [String] = []
        var pages = 0
        while true {
            pages += 1
            let document = reply.document
            #expect(document["totalSize"] == 450)
            ids += try #require(document["records"]).elements.compactMap { $0["Id"]?.text }
            guard let next = document["nextRecordsUrl"]?.text else {
                #expect(document["done"] == true)
                break
            }
            #expect(document["done"] == false)
            reply = test.get(next, token: token)
        }
        #expect(pages == 3)
        #expect(Set(ids).count == 450)
    }

    @Test func `queryAll includes the recycle bin`() throws {
        var test = TestWorld()
        let token = try test.token()
        let all = test.query("SELECT Id FROM Account WHERE IsDeleted = true", token: token, path: "queryAll")
        #expect(all.document["totalSize"] == 5)
        #expect(
            test.query("SELECT Id FROM Account WHERE IsDeleted = true", token: token).document["totalSize"]
                == 0)
        #expect(
            test.query("SELECT COUNT() FROM Account", token: token).text
                == #"{"totalSize":300,"done":true,"records":[]}"#)
    }

    @Test(arguments: [
        "NumberOfEmployees > 100000", "Name LIKE 'amber%'", "Industry IN ('Banking', 'energy')",
        "ParentId = null",
        "SystemModstamp >= 2020-01-01T00:00:00Z", "Renewal_Date__c < 2000-01-01", "Is_Partner__c = TRUE",
        "NOT (Rating = 'Hot')", "Type NOT IN ('Other')", "Score__c <= 0 AND Fax != null",
    ])
    func `a condition and its opposite divide the rows`(condition: String) throws {
        var test = TestWorld()
        let token = try test.token()
        let chosen = try #require(
            test.query("SELECT COUNT() FROM Account WHERE \(condition)", token: token).document["totalSize"]?
                .number)
        let rest = try #require(
            test.query("SELECT COUNT() FROM Account WHERE NOT (\(condition))", token: token)
                .document["totalSize"]?.number)
        #expect(chosen + rest == 300)
        #expect(chosen > 0)
        #expect(rest > 0)
    }

    @Test func `rows are sorted as requested`() throws {
        var test = TestWorld()
        let token = try test.token()
        let reply = test.query(
            "SELECT Id, AnnualRevenue FROM Account WHERE AnnualRevenue != null ORDER BY AnnualRevenue DESC LIMIT 50",
            token: token)
        let numbers = try #require(reply.document["records"]).elements.compactMap { record -> Double? in
            switch record["AnnualRevenue"] {
            case .number(let digits): Double(digits)
            default: nil
            }
        }
        #expect(numbers.count == 50)
        #expect(numbers == numbers.sorted(by: >))
    }

    @Test func `ids of 15 and of 18 characters find the same row, and another case finds none`() throws {
        var test = TestWorld()
        let token = try test.token()
        // Rows 11 and 37 have ids that end in A and a.
        let id = IDSpace(keyPrefix: "001", org: 1).id(11).text18
        for text in [id, String(id.prefix(15))] {
            let reply = test.query("SELECT Id FROM Account WHERE Id = '\(text)'", token: token)
            #expect(reply.document["records"]?.elements.first?["Id"]?.text == id)
        }
    }

    @Test func `the rights of a user are found through the permission sets`() throws {
        var test = TestWorld()
        let token = try test.token("reader@org1.example")
        let soql =
            "SELECT PermissionSet.PermissionsViewAllData, PermissionSet.PermissionsModifyAllData FROM "
            + "PermissionSetAssignment WHERE AssigneeId = '005S10000000002IAA'"
        let records = try #require(test.query(soql, token: token).document["records"]).elements
        #expect(records.count == 1)
        #expect(records[0]["PermissionSet"]?["PermissionsViewAllData"] == true)
        #expect(records[0]["PermissionSet"]?["PermissionsModifyAllData"] == false)
        _ = test.call(
            "POST", "/simulator/faults",
            body: #"{"kind":"lose_right","org":"1","user":"reader@org1.example","right":"ViewAllData"}"#)
        let after = try #require(test.query(soql, token: token).document["records"]).elements
        #expect(after[0]["PermissionSet"]?["PermissionsViewAllData"] == false)
    }

    @Test func `a user without View All Data sees only their own rows`() throws {
        var test = TestWorld()
        let token = try test.token("limited@org1.example")
        let all = try #require(
            test.query("SELECT COUNT() FROM Account", token: token).document["totalSize"]?.number)
        #expect(all > 0)
        #expect(all < 150)
    }

    @Test(arguments: [
        (
            "SELECT Nope FROM Account", "INVALID_FIELD",
            "ERROR at Row:1:Column:8\nNo such column 'Nope' on entity 'Account'."
        ),
        (
            "SELECT Id FROM Nope", "INVALID_TYPE",
            "ERROR at Row:1:Column:16\nsObject type 'Nope' is not supported."
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD",
            "field 'Description' can not be filtered"
        ),
        (
            "SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD",
            "must be of type string and should be enclosed"
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2020-01-01T00:00:00Z'", "INVALID_FIELD",
            "of type dateTime"
        ),
        ("SELECT Nope.Id FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        ("SELECT Id FROM Account GROUP BY Id", "MALFORMED_QUERY", "unexpected token: 'GROUP'"),
    ])
    func `errors look like Salesforce's`(soql: String, code: String, text: String) throws {
        var test = TestWorld()
        let reply = test.query(soql, token: try test.token())
        #expect(reply.status == 400)
        let error = try #require(reply.document.elements.first)
        #expect(error["errorCode"]?.text == code)
        #expect(error["message"]?.text?.contains(text) == true, "\(reply.text)")
    }

    @Test func `a hidden field cannot be queried`() throws {
        var test = TestWorld()
        let token = try test.token()
        _ = test.call(
            "POST", "/simulator/faults",
            body: #"{"kind":"hide","org":"1","object":"Account","field":"Rating"}"#)
        #expect(test.query("SELECT Rating FROM Account", token: token).status == 400)
        let describe = test.get("/services/data/v66.0/sobjects/Account/describe", token: token).document
        #expect(describe["fields"]?.elements.contains { $0["name"] == "Rating" } == false)
        let other = try test.token("admin@org2.example")
        #expect(test.query("SELECT Rating FROM Account", token: other).status == 200)
    }
}
