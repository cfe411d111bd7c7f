import HTTPWire
import Postgres
import TenantAdmin
import Testing

@testable import OData

/// A table with a column of each kind.
enum SampleTable {
    static let all = ODataTable(
        name: "account",
        columns: [
            ODataColumn("id", .int32, isNullable: false, isReadOnly: true),
            ODataColumn("name", .varchar, length: 80), ODataColumn("notes", .text),
            ODataColumn("active", .boolean), ODataColumn("amount", .decimal, precision: 18, scale: 2),
            ODataColumn("ratio", .double), ODataColumn("big", .int64), ODataColumn("born", .date),
            ODataColumn("seen", .timestamp), ODataColumn("met", .zonedTimestamp),
            ODataColumn("opens", .time), ODataColumn("key", .uuid), ODataColumn("photo", .bytes),
        ], key: ["id"], isWritable: true)
}

/// `$filter` as SQL.
struct FilterConditionTests {
    private func sql(_ text: String, _ version: ODataVersion = .v4) throws -> SQL {
        try FilterCondition(SampleTable.all).condition(try FilterParser.parse(text, version))
    }

    private func values(_ sql: SQL) -> [String] {
        sql.parameters.map { $0.bytes.map { String(decoding: $0, as: UTF8.self) } ?? "null" }
    }

    @Test(arguments: [
        ("name eq 'x'", "(\"name\" = $1::text)", ["x"]),
        ("name ne 'x'", "(\"name\" is distinct from $1::text)", ["x"]),
        ("name eq null", "(\"name\" is null)", []), ("name ne null", "(\"name\" is not null)", []),
        ("name gt null", "false", []), ("id gt 5", "(\"id\" > $1::int8)", ["5"]),
        ("5 lt id", "($1::int8 < \"id\")", ["5"]),
        ("id eq 99999999999999999999", "(\"id\" = $1::numeric)", ["99999999999999999999"]),
        ("amount ge 1.50", "(\"amount\" >= $1::numeric)", ["1.50"]),
        ("ratio lt 1", "(\"ratio\" < $1::float8)", ["1"]),
        ("active", "\"active\"", []), ("not active", "((\"active\") is not true)", []),
        ("active eq true", "(\"active\" = $1::bool)", ["t"]),
        ("born eq 2026-01-31", "(\"born\" = $1::date)", ["2026-01-31"]),
        (
            "seen ge 2026-01-31T10:00:00Z", "(\"seen\" >= $1::timestamptz::timestamp)",
            ["2026-01-31T10:00:00Z"]
        ),
        ("met lt 2026-01-31", "(\"met\" < $1::timestamptz)", ["2026-01-31"]),
        (
            "contains(name,'a%') and id in (1,2)",
            "((strpos(\"name\"::text, $1::text) > 0) and (\"id\" in ($2::int8, $3::int8)))",
            ["a%", "1", "2"]
        ),
        ("name in ('a',null)", "(\"name\" in ($1::text) or \"name\" is null)", ["a"]),
        ("startswith(tolower(name),'a')", "starts_with(lower(\"name\"::text)::text, $1::text)", ["a"]),
        (
            "contains(name,'a') eq false", "((strpos(\"name\"::text, $1::text) > 0) = $2::bool)",
            ["a", "f"]
        ),
        ("year(seen) eq 2026", "(floor(extract(year from \"seen\"))::int4 = $1::int8)", ["2026"]),
        ("length(name) gt 3", "(char_length(\"name\"::text) > $1::int8)", ["3"]),
        ("name eq notes", "(\"name\" is not distinct from \"notes\")", []),
        ("'x' eq null", "false", []), ("1 eq 1", "($1::numeric = $2::numeric)", ["1", "1"]),
    ])
    func `values are parameters of the column's type`(
        text: String, expected: String, parameters: [String]
    ) throws {
        let found = try sql(text)
        #expect(found.text == expected)
        #expect(values(found) == parameters)
    }

    @Test func `quotes, comments and functions of SQL in a value stay in the value`() throws {
        for value in [
            "'; drop table account; --", "\\'; select 1", "$1", "\"id\"", "pg_sleep(10)", "/* x */", "%_\\",
        ] {
            let quoted = value.replacing("'", with: "''")
            let found = try sql("name eq '\(quoted)' or contains(notes,'\(quoted)')")
            #expect(
                found.text == "((\"name\" = $1::text) or (strpos(\"notes\"::text, $2::text) > 0))",
                "\(value)")
            #expect(values(found) == [value, value])
        }
        #expect(throws: ODataError.self) { try sql("name eq 'a\u{0}b'") }
    }

    @Test(arguments: [
        ("secret eq 1", ODataError.Code.unknownProperty), ("\"id\" eq 1", .syntax),
        ("contains(secret,'x')", .unknownProperty), ("id eq 'x'", .typeMismatch),
        ("name eq 5", .typeMismatch), ("name", .typeMismatch), ("contains(id,'x')", .typeMismatch),
        ("born eq 'x'", .typeMismatch), ("key eq 'x'", .typeMismatch), ("year(name) eq 1", .typeMismatch),
        ("id eq name", .typeMismatch), ("hour(born) eq 1", .typeMismatch), ("name and active", .typeMismatch),
        ("pg_sleep(10)", .unsupported), ("ID eq 1", .unknownProperty), ("ctid eq 1", .unknownProperty),
    ])
    func `a property that is not shown and a wrong type are refused`(
        text: String, code: ODataError.Code
    ) {
        let error = #expect(throws: ODataError.self) { try sql(text) }
        #expect(error?.code == code, "\(text)")
        #expect(error?.description.contains("position") == true, "\(text)")
    }

    @Test func `version 2 has its own functions`() throws {
        let found = try sql("substringof('x',name) eq true and seen gt datetime'2026-01-31T10:00:00'", .v2)
        #expect(
            found.text
                == "(((strpos(\"name\"::text, $1::text) > 0) = $2::bool) and "
                + "(\"seen\" > $3::timestamptz::timestamp))")
        #expect(throws: ODataError.self) { try sql("contains(name,'x')", .v2) }
        #expect(throws: ODataError.self) { try sql("id in (1)", .v2) }
    }

    @Test func `query options are checked against the table`() throws {
        func query(_ pairs: [(String, String)], _ version: ODataVersion = .v4) throws -> EntityQuery {
            try EntityQuery(
                Form(pairs.map { Form.Field(name: $0.0, value: $0.1) }), SampleTable.all, version)
        }
        let found = try query([
            ("$orderby", "name desc, id"), ("$select", "notes,name"), ("$top", "5"), ("$skip", "2"),
            ("$count", "true"), ("custom", "x"),
        ])
        #expect(found.order.map(\.column.name) == ["name", "id"])
        #expect(found.order.map(\.isDescending) == [true, false])
        #expect(found.selected.map(\.name) == ["name", "notes"] && found.counts)
        #expect(try query([("$inlinecount", "allpages")], .v2).counts)
        #expect(try query([("search", "a b")], .v2).search == .term("a b"))
        let wrong: [(String, String)] = [
            ("$orderby", "secret"), ("$orderby", "name; drop"), ("$orderby", "name desc nulls"),
            ("$select", "secret"), ("$top", "-1"), ("$top", "x"), ("$skip", "1.5"), ("$count", "yes"),
            ("$inlinecount", "allpages"), ("$expand", "x"), ("$apply", "x"), ("$skiptoken", "x"),
            ("$skiptoken", PageToken(values: ["a", "b"]).text),
        ]
        for pair in wrong {
            #expect(throws: ODataError.self, "\(pair)") { try query([pair]) }
        }
        #expect(throws: ODataError.self) { try query([("$top", "1"), ("$top", "2")]) }
    }
}
