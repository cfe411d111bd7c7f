import Encoding
import Foundation
import Testing

@testable import Salesforce

struct SOQLTests {
    @Test func `a query is built from parts`() throws {
        let query = try SOQL.select(["Id", "Owner.Name"], from: "Tweet__c")
            .where(
                .all([
                    .compare(
                        "SystemModstamp", .greaterOrEqual,
                        .moment(Date(timeIntervalSince1970: 1_310_000_000.5))),
                    .any([
                        .compare("Name", .equal, .string("O'Neil\\\n")),
                        .compare("Size__c", .notEqual, .null),
                    ]),
                    .isIn("Id", [.string("a"), .string("b")]),
                ])
            )
            .limit(10)
        #expect(
            query.text == """
                SELECT Id,Owner.Name FROM Tweet__c WHERE SystemModstamp >= 2011-07-07T00:53:20.500Z AND \
                (Name = 'O\\'Neil\\\\\\n' OR Size__c != null) AND Id IN ('a','b') LIMIT 10
                """)
        #expect(try SOQL.count(of: "Account").text == "SELECT COUNT() FROM Account")
    }

    @Test(arguments: [
        "", "1a", "a b", "Name,Id", "Na-me", "a..b", ".a", "a.", "Náme", "a'", "Id FROM User--", "_a", "[",
    ])
    func `an invalid name is refused`(name: String) {
        #expect(throws: SalesforceError.self) { try SOQL.select([name], from: "Account") }
        #expect(throws: SalesforceError.self) {
            try SOQL.select(["Id"], from: "Account").where(.compare(name, .equal, .null))
        }
    }

    @Test func `a query that passes the length check fits into an address`() throws {
        let label = String(repeating: "h", count: 63)
        let host = "https://\(label).\(label).\(label).sandbox.my.salesforce.com"
        var fields = ["Id"]
        while RESTClient.canQuery(try SOQL.select(fields, from: "Account")) {
            fields.append("Field_Number_\(fields.count)__c")
        }
        #expect((300...600).contains(fields.count))
        var call = APICall(path: "/services/data/v60.0/query")
        call.query = [("q", try SOQL.select(fields.dropLast(), from: "Account").text)]
        _ = try call.url(at: try Origin(parsing: host))
    }

    @Test func `an object name with a dot is refused`() {
        #expect(throws: SalesforceError.self) { try SOQL.select(["Id"], from: "Owner.User") }
        #expect(throws: SalesforceError.self) { try SOQL.select([], from: "User") }
    }

    @Test func `one query reads the rights of a user`() throws {
        #expect(
            try UserRights.query(for: SalesforceID("005J0000001gwIyIAI")).text == """
                SELECT PermissionSet.PermissionsApiEnabled,PermissionSet.PermissionsViewAllData,\
                PermissionSet.PermissionsModifyAllData FROM PermissionSetAssignment \
                WHERE AssigneeId = '005J0000001gwIyIAI'
                """)
    }

    @Test func `a right in any permission set counts`() throws {
        let rows = try JSONValue(
            parsing: Array(
                """
                [{"PermissionSet":{"PermissionsApiEnabled":true,"PermissionsViewAllData":false}},
                 {"PermissionSet":{"PermissionsApiEnabled":false,"PermissionsViewAllData":true}},{"PermissionSet":null}]
                """.utf8))
        let rights = UserRights(rows: rows.array ?? [])
        #expect(rights.granted == [.apiEnabled, .viewAllData])
        #expect(rights.missing(writes: .none) == [])
        #expect(rights.missing(writes: .planned) == [.modifyAllData])
        #expect(
            UserRights(granted: []).missing(writes: .none).map(\.description) == [
                "API Enabled", "View All Data",
            ])
    }
}
