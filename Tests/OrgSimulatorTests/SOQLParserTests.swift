import Testing

@testable import OrgSimulator

struct SOQLParserTests {
    @Test func `a query is parsed`() throws {
        let query = try SOQLParser.parse(
            "select Id, Owner.Name from Account where (Name = 'O\\'Neil' and IsDeleted = false) or SystemModstamp >= "
                + "2020-01-01T00:00:00Z order by Id desc nulls last limit 10 offset 5")
        guard case .fields(let paths) = query.selection else {
            Issue.record("fields were selected")
            return
        }
        #expect(paths.map(\.parts) == [["Id"], ["Owner", "Name"]])
        #expect(query.object.parts == ["Account"])
        #expect(query.limit == 10)
        #expect(query.offset == 5)
        #expect(query.order.first?.isDescending == true)
        #expect(query.order.first?.nullsFirst == false)
        guard case .any(let parts) = query.condition, case .all(let inner) = parts[0],
            case .comparison(_, .equal, let literal) = inner[0]
        else {
            Issue.record("the condition is an OR of an AND")
            return
        }
        #expect(literal.value == .string("O'Neil"))
        #expect(parts.count == 2)
    }

    @Test(arguments: [
        ("SELECT Id FORM Account", "unexpected token: 'FORM'", 10),
        ("SELECT FROM Account", "unexpected token: 'Account'", 12),
        ("SELECT Id FROM Account WHERE", "unexpected token: <EOF>", 28),
        ("SELECT Id FROM Account GROUP BY Id", "unexpected token: 'GROUP'", 23),
        ("SELECT Id FROM Account WHERE Id = 'a' AND Id = 'b' OR Id = 'c'", "unexpected token: 'OR'", 51),
        ("SELECT Id FROM Account LIMIT x", "unexpected token: 'x'", 29),
        ("SELECT Id FROM Account; DROP", "unexpected char: ';'", 22),
        ("SELECT Id FROM Account WHERE Name = 'x", "unexpected end of string", 36),
        ("SELECT (SELECT Id FROM Contacts) FROM Account", "unexpected token: '('", 7),
        ("", "unexpected token: <EOF>", 0),
    ])
    func `an error names the position in the query`(text: String, reason: String, offset: Int) {
        let error = #expect(throws: SOQLError.self) { try SOQLParser.parse(text) }
        #expect(error?.code == .malformedQuery)
        #expect(error?.reason == reason)
        #expect(error?.offset == offset)
    }

    @Test func `an error's text shows line, caret, row and column`() {
        let error = SOQLError(code: .invalidField, reason: "No such column", offset: 14)
        #expect(
            error.message(for: "SELECT Id,\n   Bad\nFROM Account")
                == "\n   Bad\n   ^\nERROR at Row:2:Column:4\nNo such column")
    }

    @Test(arguments: [
        ("a%", "Abc", true), ("%c", "abC", true), ("a_c", "abc", true), ("a_c", "ac", false),
        ("%b%", "abc", true),
        ("", "", true), ("%", "", true), ("a%b%c", "a--b--c", true), ("a%b%c", "a--c", false),
    ])
    func `LIKE supports percent and underscore`(pattern: String, text: String, matches: Bool) {
        #expect(LikePattern(pattern).matches(text) == matches)
    }
}
