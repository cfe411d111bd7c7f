import Testing

@testable import Salesforce

struct ObjectQueryTests {
    @Test(arguments: [
        "SELECT Id, Name FROM Account",
        "select id from account where name = 'O\\'Neil FROM Contact' and x__c > 1.5 limit 10",
        "SELECT COUNT() FROM Account", "SELECT Id FROM Account WHERE CreatedDate > 2026-01-02T03:04:05Z",
        "SELECT Id FROM Account WHERE (Name LIKE 'A%' OR Name = null) ORDER BY Name DESC LIMIT 5",
        "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry HAVING COUNT(Id) > 1",
        "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:7",
    ])
    func `a query of one object is accepted`(_ text: String) throws {
        #expect(try ObjectQuery(parsing: text).object.key == "account")
    }

    @Test func `queries that reach other objects are refused`() {
        let cases: [(String, ObjectQuery.Refusal)] = [
            ("SELECT Owner.Email FROM Account", .relationship),
            ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", .nested),
            ("SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)", .nested),
            ("SELECT TYPEOF What WHEN Account THEN Phone END FROM Event", .clause),
            ("SELECT FIELDS(ALL) FROM Account LIMIT 200", .clause),
            ("SELECT Id FROM Account a, a.Contacts c", .relationship),
            ("SELECT Id FROM Account a", .clause), ("SELECT Id FROM Account, Contact", .clause),
            ("SELECT Id FROM Account USING SCOPE Mine", .clause),
            ("SELECT Id FROM Account ALL ROWS", .clause),
            ("SELECT Id FROM Account FOR UPDATE", .clause),
            ("SELECT Id FROM Account WITH SECURITY_ENFORCED", .clause),
            ("SELECT Id FROM Account WHERE Name = 'x", .unclosedText),
            ("SELECT Id FROM Account WHERE Name = 'x\\' FROM Contact", .unclosedText),
            ("DELETE FROM Account", .malformed), ("", .malformed), ("SELECT FROM Account", .malformed),
            ("SELECT Id FROM", .malformed), ("SELECT Id FROM 1Account", .malformed),
            ("SELECT Id FROM Account; DELETE", .character), ("SELECT Id FROM Account -- x\u{0}", .character),
            ("SELECT Id FROM Accоunt", .character), ("SELECT Id/**/FROM Account", .character),
            ("SELECT Id FROM Account WHERE Name = '\(String(repeating: "x", count: 4_000))'", .tooLong),
        ]
        for (text, refusal) in cases {
            #expect(throws: refusal, "\(text.prefix(80))") { try ObjectQuery(parsing: text) }
        }
    }

    @Test func `names of objects are letters, digits and underscores`() {
        for name in ["Account", "ns__Thing__c", "A1"] { #expect(ObjectName(name) != nil) }
        for name in ["", "1A", "../x", "A/B", "A%2FB", "Ä", "A B", String(repeating: "a", count: 81)] {
            #expect(ObjectName(name) == nil, "\(name)")
        }
    }
}
