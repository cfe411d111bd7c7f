import Testing

@testable import Encoding

struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test func `a row of a query is read`() throws {
        let text = #"""
            {"totalSize":1,"done":true,"records":[{"attributes":{"type":"Contact"},"Id":"003RO0000035WQgYAM",
            "Name":"John \"J\" Smith","Amount":23.0,"Big":123456789012345678,"Active":true,"Parent":null,"Tags":[]}]}
            """#
        let value = try parse(text)
        #expect(value["totalSize"]?.int == 1)
        let row = try #require(value["records"]?.array?.first)
        #expect(row["Name"]?.string == #"John "J" Smith"#)
        #expect(row["Amount"] == .number("23.0"))
        #expect(row["Big"] == .number("123456789012345678"))
        #expect(row["Active"]?.bool == true)
        #expect(row["Parent"]?.isNull == true)
        #expect(row["Missing"] == nil)
    }

    @Test(arguments: [
        (#""\u0041\n\t\"\\\/\b\f\r""#, "A\n\t\"\\/\u{08}\u{0C}\r"), (#""\ud83d\ude00""#, "😀"),
        (#""\ud83d""#, "\u{FFFD}"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\udc00x""#, "\u{FFFD}x"),
        (#""\u0000""#, "\0"), (#""zażółć 😀""#, "zażółć 😀"),
    ])
    func `escapes of strings are undone`(text: String, expected: String) throws {
        #expect(try parse(text) == .string(expected))
    }

    @Test(arguments: ["0", "-0", "1.5e10", "-12.000", "1E-7", "100.0"])
    func `a number keeps its digits`(text: String) throws {
        #expect(try parse(" \(text) ") == .number(text))
    }

    @Test(arguments: [
        "", "{", "[", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "01", "1.", ".5", "-", "+1", "1e", "tru",
        "nul",
        "\"", "\"\\x\"", "\"\\u12\"", "\"a\nb\"", "1 2", "[1]]", "{\"a\":1,}", "\u{FEFF}1",
    ])
    func `anything else is refused`(text: String) {
        #expect(throws: JSONSyntaxError.self) { try parse(text) }
    }

    @Test func `every beginning of a document is refused`() throws {
        let text = Array(#"{"a":[1.5,"xé",{"b":null}],"c":false}"#.utf8)
        for end in 0..<text.count {
            #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: Array(text[..<end])) }
        }
        _ = try JSONValue(parsing: text)
    }

    @Test func `nesting is bounded`() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONSyntaxError.self) { try parse(deep) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func `writing and reading give the value back`() throws {
        let value = JSONValue.object([
            "text": .string("a\"b\\c\n\u{1}é"), "list": .array([.null, .bool(false), .number("1.50")]),
        ])
        #expect(try parse(value.serialized) == value)
        #expect(value.serialized == #"{"list":[null,false,1.50],"text":"a\"b\\c\n\u0001é"}"#)
    }
}
