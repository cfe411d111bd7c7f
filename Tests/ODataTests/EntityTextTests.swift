import Encoding
import Foundation
import Testing
import XML

@testable import OData
@testable import TenantAdmin

/// Texts of values, keys, tokens and documents.
struct EntityTextTests {
    private func json(_ text: String?, _ kind: ODataColumn.Kind, _ version: ODataVersion) -> String {
        var bytes: [UInt8] = []
        EdmText.append(json: text, kind, version, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        arguments: [
            (.boolean, "t", "true", "true", "true"), (.int32, "5", "5", "5", "5"),
            (.int64, "5", "5", "\"5\"", "5"), (.decimal, "1.50", "1.50", "\"1.50\"", "1.50"),
            (.decimal, "NaN", "null", "null", nil), (.double, "-Infinity", "\"-INF\"", "\"-INF\"", "-INF"),
            (.text, "a\"<\n", "\"a\\\"<\\n\"", "\"a\\\"<\\n\"", "a\"<\n"),
            (.date, "2026-01-31", "\"2026-01-31\"", "\"/Date(1769817600000)/\"", "2026-01-31T00:00:00"),
            (
                .timestamp, "2026-01-31 10:00:00.5", "\"2026-01-31T10:00:00.5Z\"",
                "\"/Date(1769853600500)/\"",
                "2026-01-31T10:00:00.5"
            ),
            (
                .zonedTimestamp, "2026-01-31 10:00:00+00", "\"2026-01-31T10:00:00Z\"",
                "\"/Date(1769853600000+0000)/\"", "2026-01-31T10:00:00Z"
            ),
            (.timestamp, "infinity", "null", "null", nil), (.date, "0044-03-15 BC", "null", "null", nil),
            (.zonedTimestamp, "infinity", "null", "null", nil),
            (.time, "10:05:03", "\"10:05:03\"", "\"PT10H05M03S\"", "PT10H05M03S"),
            (.bytes, "\\xfffe", "\"__4\"", "\"//4=\"", "//4="), (.text, nil, "null", "null", nil),
        ] as [(ODataColumn.Kind, String?, String, String, String?)])
    func `a value has its text in each format`(
        kind: ODataColumn.Kind, text: String?, four: String, two: String, xml: String?
    ) {
        #expect(json(text, kind, .v4) == four)
        #expect(json(text, kind, .v2) == two)
        #expect(EdmText.xml(text, kind) == xml)
    }

    @Test func `XML has no character that a parser refuses`() throws {
        let text = "a<b>&\"\u{1}\u{FFFE}\r\n\té"
        let element = try MarkupElement(parsing: Array("<a x=\"1\">\(XMLText.escaped(text))</a>".utf8))
        #expect(element.text == "a<b>&\"\u{FFFD}\u{FFFD}\r\n\té")
    }

    @Test func `metadata names the key, types and lengths`() throws {
        for version in [ODataVersion.v4, .v2] {
            let description = ServiceDescription(
                root: "https://sync.example.com/odata/\(version.rawValue)/x/", alias: "salesforce",
                tables: [SampleTable.all], version: version)
            let root = try MarkupElement(parsing: Array(description.metadata.utf8))
            let schema = try #require(root.children.first?.child("Schema"))
            let type = try #require(schema.child("EntityType"))
            #expect(type.child("Key")?.children.map { $0.attributes["Name"] } == ["id"])
            let types = Dictionary(
                type.children.filter { $0.name == "Property" }.map {
                    ($0.attributes["Name"] ?? "", $0.attributes["Type"] ?? "")
                }
            ) { first, _ in first }
            #expect(types["name"] == "Edm.String" && types["key"] == "Edm.Guid")
            #expect(types["seen"] == (version == .v4 ? "Edm.DateTimeOffset" : "Edm.DateTime"))
            #expect(types["born"] == (version == .v4 ? "Edm.Date" : "Edm.DateTime"))
            let name = type.children.first { $0.attributes["Name"] == "name" }
            #expect(name?.attributes["MaxLength"] == "80")
            let set = schema.child("EntityContainer")?.child("EntitySet")
            #expect(set?.attributes["Name"] == "salesforce$account")
            #expect(set?.attributes["EntityType"] == "Multiconnect.account")
            let list = try JSONValue(parsing: description.json)
            #expect(list.serialized.contains("salesforce$account"))
            #expect(try MarkupElement(parsing: Array(description.xml.utf8)).name == "service")
        }
    }

    @Test func `a page token is read as it was written, and no other text is`() throws {
        let token = PageToken(values: ["a'b\"", nil, "5"])
        #expect(try PageToken(text: token.text) == token)
        let texts = ["", "x", "!!", "W10=", Base64.encode(Array("[1]".utf8), .url)]
        for text in texts + [String(repeating: "A", count: 10_000)] {
            #expect(throws: ODataError.self, "\(text)") { try PageToken(text: text) }
        }
    }

    @Test func `a path names a resource`() throws {
        func path(_ text: String, _ version: ODataVersion = .v4) throws -> ResourcePath {
            try ResourcePath(text[...], version)
        }
        #expect(try path("") == .service && path("/") == .service && path("/$metadata") == .metadata)
        #expect(try path("/salesforce$account") == .set("salesforce$account"))
        #expect(try path("/a$b/$count") == .count("a$b") && path("/a()") == .set("a"))
        #expect(
            try path("/a$b(5)") == .entity("a$b", key: [.init(name: nil, literal: .integer("5"))]))
        #expect(
            try path("/a$b(x='a%2Fb%27%27c',y=1)")
                == .entity(
                    "a$b",
                    key: [
                        .init(name: "x", literal: .string("a/b'c")),
                        .init(name: "y", literal: .integer("1")),
                    ]))
        for text in ["/a(1", "/a(1))", "/a(b)", "/a(1,)", "/a(1 or 1=1)", "/a/b", "/a(1)/name", "/a('x)"] {
            #expect(throws: ODataError.self, "\(text)") { try path(text) }
        }
        guard case .entity(_, let key) = try path("/a('x')") else { return }
        #expect(throws: ODataError.self) { try ResourcePath.texts(key, SampleTable.all) }
        let column = ODataColumn("id", .text)
        #expect(EdmKey.text([(column, "a'b/c d")], .v4) == "('a%27%27b%2Fc%20d')")
        #expect(EdmKey.text([(ODataColumn("id", .int64), "5")], .v2) == "(5L)")
    }

    @Test func `an entity is read from JSON of both versions and from Atom`() throws {
        func texts(_ input: EntityInput) -> [String: String?] {
            Dictionary(input.values.map { ($0.column.name, $0.text) }) { first, _ in first }
        }
        let four = try EntityInput(
            json: Array(
                """
                {"@odata.type":"x","name":"A","active":true,"amount":1.5,"seen":"2026-01-31T10:00:00Z",
                "id":null,"notes":null,"photo":"__4"}
                """.utf8), SampleTable.all)
        #expect(
            texts(four) == [
                "name": "A", "active": "true", "amount": "1.5", "seen": "2026-01-31T10:00:00Z", "notes": nil,
                "photo": "\\xfffe",
            ])
        let two = try EntityInput(
            json: Array(
                #"{"d":{"__metadata":{"type":"x"},"amount":"1.5","seen":"\/Date(1769853600000)\/"}}"#.utf8),
            SampleTable.all)
        #expect(texts(two) == ["amount": "1.5", "seen": "2026-01-31T10:00:00.000Z"])
        let atom = try EntityInput(
            atom: Array(
                """
                <entry xmlns="http://www.w3.org/2005/Atom" xmlns:d="d" xmlns:m="m"><content>\
                <m:properties><d:name>A &amp; B</d:name><d:notes m:null="true"/></m:properties>\
                </content></entry>
                """.utf8), SampleTable.all)
        #expect(texts(atom) == ["name": "A & B", "notes": nil])
        let wrong = [
            #"{"secret":1}"#, #"{"id":5}"#, #"{"name":5}"#, #"{"big":1.5}"#, #"{"active":"maybe"}"#,
            #"{"seen":"yesterday"}"#, #"{"key":"x"}"#, #"{"name":{"a":1}}"#, "[]", "x",
            #"{"name":"a\u0000"}"#,
        ]
        for text in wrong {
            #expect(throws: ODataError.self, "\(text)") {
                try EntityInput(json: Array(text.utf8), SampleTable.all)
            }
        }
    }

    @Test func `a request token is valid for its credential, today and on the next day`() {
        func credential(_ byte: UInt8) -> ODataService.Credential {
            .init(
                user: "u", hash: [UInt8](repeating: byte, count: 32), createdAt: Date(), expiresAt: nil)
        }
        let token = RequestToken(credential(1))
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let text = token.text(at: now)
        #expect(token.isValid(text, at: now) && token.isValid(text, at: now + 86_400))
        #expect(!token.isValid(text, at: now + 3 * 86_400) && !token.isValid("", at: now))
        #expect(!RequestToken(credential(2)).isValid(text, at: now))
    }
}
