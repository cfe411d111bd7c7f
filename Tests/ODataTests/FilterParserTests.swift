import Testing

@testable import OData

/// `$filter` as text.
struct FilterParserTests {
    private func parse(_ text: String, _ version: ODataVersion = .v4) throws -> FilterExpression {
        try FilterParser.parse(text, version)
    }

    /// The literal behind `a eq `.
    private func literal(_ text: String, _ version: ODataVersion) throws -> FilterLiteral? {
        guard case .comparison(.equal, _, .literal(let literal, _), _) = try parse("a eq \(text)", version)
        else { return nil }
        return literal
    }

    @Test func `a comparison has its operator and both sides`() throws {
        #expect(
            try parse("name eq 'it''s'")
                == .comparison(
                    .equal, .property("name", at: 1), .literal(.string("it's"), at: 9), at: 6))
        for comparison in FilterComparison.allCases {
            guard case .comparison(let found, _, _, _) = try parse("a \(comparison.rawValue) 1") else {
                Issue.record("\(comparison)")
                continue
            }
            #expect(found == comparison)
        }
    }

    @Test func `not binds closer than and, and closer than or`() throws {
        let a = FilterExpression.property("a", at: 1)
        #expect(
            try parse("a or b and not c")
                == .any([a, .all([.property("b", at: 6), .not(.property("c", at: 16))])]))
        #expect(
            try parse("(a or b) and c")
                == .all([
                    .any([.property("a", at: 2), .property("b", at: 7)]), .property("c", at: 14),
                ]))
    }

    @Test(
        arguments: [
            ("'x'", .string("x")), ("''", .string("")), ("5", .integer("5")), ("-5", .integer("-5")),
            ("+5", .integer("5")), ("5.5", .decimal("5.5")), ("1e3", .decimal("1e3")), ("null", .null),
            ("true", .boolean(true)), ("2026-01-31", .date("2026-01-31")),
            ("2026-01-31T10:00:00Z", .instant("2026-01-31T10:00:00Z")),
            ("2026-01-31T10:00:00.5+01:00", .instant("2026-01-31T10:00:00.5+01:00")),
            ("10:00", .time("10:00:00")), ("10:00:00.25", .time("10:00:00.25")),
            (
                "a1b2c3d4-0000-4000-8000-0123456789ab", .guid("a1b2c3d4-0000-4000-8000-0123456789ab")
            ),
            ("binary'AQI'", .bytes([1, 2])),
        ] as [(String, FilterLiteral)])
    func `literals of version 4`(text: String, expected: FilterLiteral) throws {
        #expect(try literal(text, .v4) == expected)
    }

    @Test(
        arguments: [
            ("datetime'2026-01-31T10:00'", .instant("2026-01-31T10:00:00Z")),
            ("datetime'2026-01-31T10:00:00.123'", .instant("2026-01-31T10:00:00.123Z")),
            ("datetimeoffset'2026-01-31T10:00:00Z'", .instant("2026-01-31T10:00:00Z")),
            (
                "guid'a1b2c3d4-0000-4000-8000-0123456789ab'",
                .guid("a1b2c3d4-0000-4000-8000-0123456789ab")
            ),
            ("time'PT10H5M3S'", .time("10:05:03")), ("5L", .integer("5")), ("5.5M", .decimal("5.5")),
            ("5d", .decimal("5")), ("5.5f", .decimal("5.5")), ("X'0102'", .bytes([1, 2])),
        ] as [(String, FilterLiteral)])
    func `literals of version 2`(text: String, expected: FilterLiteral) throws {
        #expect(try literal(text, .v2) == expected)
    }

    @Test(arguments: [
        ("", "ends too early at position 1"), ("name", ""), ("name eq", "ends too early at position 8"),
        ("name eq 'x", "the text does not end at position 9"),
        ("name eq 'x' extra", "\"extra\" at position 13"),
        ("name like 'x'", "\"like\" at position 6"), ("sleep(1)", "unknown function \"sleep\" at position 1"),
        ("substringof('x',name)", "unknown function \"substringof\" at position 1"),
        ("contains(name)", "contains takes 2 arguments at position 1"),
        ("name eq 'x';drop", "unexpected \";\" at position 12"), ("a/b eq 1", "paths are not supported"),
        ("a eq 12x", "\"12x\" is no value at position 6"), ("(a eq 1", "ends too early at position 8"),
        ("a eq 1)", "unexpected \")\" at position 7"), ("a in (1,b)", "unexpected \"b\" at position 9"),
        ("a eq 2026-02-30", "is no value at position 6"), ("a eq eq", "unexpected \"eq\" at position 6"),
        ("a eq guid'1'", "guid'...' is no value at position 6"),
        ("$it eq 1", "unexpected \"$\" at position 1"),
    ])
    func `an error names the position`(text: String, expected: String) {
        do {
            _ = try parse(text)
            #expect(expected.isEmpty, "\(text)")
        } catch let error as ODataError {
            #expect(error.description.contains(expected) && !expected.isEmpty, "\(text): \(error)")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test func `deep nesting and long expressions are refused without a crash`() {
        let texts = [
            String(repeating: "(", count: 5_000) + "a" + String(repeating: ")", count: 5_000),
            String(repeating: "not ", count: 900) + "a",
            Array(repeating: "a eq 1", count: 2_000).joined(separator: " or "),
            String(repeating: "tolower(", count: 300) + "a" + String(repeating: ")", count: 300),
        ]
        for text in texts {
            #expect(throws: ODataError.self) { try parse(text) }
            let error = #expect(throws: ODataError.self) { try parse(text) }
            #expect(error?.code == .tooLarge)
        }
    }

    @Test func `a search has words, phrases and operators`() throws {
        #expect(try SearchExpression.parse("acme") == .term("acme"))
        #expect(try SearchExpression.parse("a b") == .all([.term("a"), .term("b")]))
        #expect(
            try SearchExpression.parse("\"a b\" OR NOT c")
                == .any([.term("a b"), .not(.term("c"))]))
        for text in ["", "OR", "a OR", "NOT", "\"a", String(repeating: "a ", count: 30)] {
            #expect(throws: ODataError.self, "\(text)") { try SearchExpression.parse(text) }
        }
    }
}
