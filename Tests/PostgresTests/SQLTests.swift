import Foundation
import Postgres
import Testing

struct SQLTests {
    @Test func `interpolated values become numbered parameters`() {
        let sql: SQL = "select * from jobs where id = \(7) and name = \("a'b")"
        #expect(sql.text == "select * from jobs where id = $1 and name = $2")
        #expect(sql.parameters.map(\.bytes) == [Array("7".utf8), Array("a'b".utf8)])
    }

    @Test func `fragments keep their parameters and are renumbered`() {
        let condition: SQL = "a = \(1) or b = \(2)"
        let sql: SQL = "select \(0) where (\(condition)) and c = \(3)"
        #expect(sql.text == "select $1 where (a = $2 or b = $3) and c = $4")
        #expect(
            sql.parameters.map { $0.bytes.map { String(decoding: $0, as: UTF8.self) } } == [
                "0", "1", "2", "3",
            ])
    }

    @Test func `fragments are joined`() {
        let parts: [SQL] = ["a = \(1)", "b = \(2)", "c is null"]
        #expect(parts.joined(separator: " and ").text == "a = $1 and b = $2 and c is null")
        #expect([SQL]().joined(separator: ", ").text == "")
        #expect((SQL("x = \(1)") + " or y = \(2)").text == "x = $1 or y = $2")
    }

    @Test func `identifiers and literals are quoted`() {
        let sql: SQL =
            "create table \(identifier: "My \"Schema\"", "t") (x text default \(literal: "it's \\"))"
        #expect(sql.text == #"create table "My ""Schema"""."t" (x text default 'it''s \')"#)
    }

    @Test func `nil is NULL with the type of a value`() {
        let bytes: [UInt8]? = nil
        let sql: SQL = "insert into t values (\(bytes), \(Int?.none))"
        #expect(sql.parameters.map(\.bytes) == [nil, nil])
        #expect(sql.parameters[0].type == SQL("\([UInt8(1)])").parameters[0].type)
        #expect(sql.parameters[0].isBinary)
    }

    @Test(arguments: [
        (Date(timeIntervalSince1970: 0), "1970-01-01 00:00:00+00"),
        (Date(timeIntervalSince1970: 951_782_400), "2000-02-29 00:00:00+00"),
        (Date(timeIntervalSince1970: 1_732_161_144.25), "2024-11-21 03:52:24.250000+00"),
        (Date(timeIntervalSince1970: -1), "1969-12-31 23:59:59+00"),
        (Date(timeIntervalSince1970: -62_135_596_801), "0001-12-31 23:59:59+00 BC"),
    ])
    func `dates are written in UTC`(date: Date, text: String) {
        #expect(String(decoding: date.postgresParameter.bytes ?? [], as: UTF8.self) == text)
    }

    @Test func `arrays are quoted element by element`() {
        let texts: [String?] = ["a", nil, "", "NULL", #"say "hi" \ {x,y}"#]
        let expected = #"{"a",NULL,"","NULL","say \"hi\" \\ {x,y}"}"#
        #expect(String(decoding: texts.postgresParameter.bytes ?? [], as: UTF8.self) == expected)
        #expect([Int]().postgresParameter.bytes == Array("{}".utf8))
        #expect([[UInt8]]([[0, 255], []]).postgresParameter.bytes == Array(#"{"\\x00ff","\\x"}"#.utf8))
    }
}
