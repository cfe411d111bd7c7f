import Testing

@testable import Encoding

struct PercentCodingTests {
    @Test func `a path keeps its plus signs, a form does not`() {
        #expect(PercentCoding.decode("a+b%2Fc") == "a+b/c")
        #expect(PercentCoding.decode("a+b%2Fc", plusIsSpace: true) == "a b/c")
        #expect(PercentCoding.encode("a+b/c é") == "a%2Bb%2Fc%20%C3%A9")
        #expect(PercentCoding.encode("a b", spaceIsPlus: true) == "a+b")
    }

    @Test func `pairs are joined to a query`() {
        #expect(PercentCoding.form([("a b", "1&2=3"), ("é", "~-._")]) == "a%20b=1%262%3D3&%C3%A9=~-._")
        #expect(PercentCoding.form([]).isEmpty)
    }

    @Test(arguments: ["%", "%4", "%zz", "%ff", "%00", "%c3"])
    func `a malformed escape is refused`(text: String) {
        #expect(PercentCoding.decode(text) == nil)
    }
}

struct JSONTextTests {
    @Test func `an object keeps the order of its members`() {
        let text: JSONText = [
            "z": 1, "a": ["x", true, nil], "raw": .raw("{\"b\": 2}"), "seconds": .seconds(0.5),
            "infinite": .seconds(.infinity), "none": .optional(String?.none),
        ]
        #expect(
            text.text
                == #"{"z":1,"a":["x",true,null],"raw":{"b": 2},"seconds":0.5,"infinite":null,"none":null}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("a\"b\\c", #""a\"b\\c""#), ("\n\r\t", #""\n\r\t""#), ("\0\u{1f}", #""\u0000\u001f""#),
        ("zażółć 😀\u{7f}", "\"zażółć 😀\u{7f}\""),
    ])
    func `quotes, backslashes and control characters are escaped`(text: String, json: String) throws {
        #expect(JSONText.quoted(text) == json)
        #expect(try JSONValue(parsing: Array(json.utf8)) == .string(text))
    }
}

struct HTMLTextTests {
    @Test func `markup is escaped, also where a combining mark follows a quote`() {
        #expect(
            HTMLText.escaped(#"<b>"O'Neil" & co</b>"#) == "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;"
        )
        #expect(HTMLText.escaped("\"\u{301}") == "&quot;\u{301}")
    }
}
