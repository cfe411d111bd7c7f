import Testing

@testable import XML

struct MarkupElementTests {
    private func parse(_ text: String, _ limits: MarkupLimits = MarkupLimits()) throws -> MarkupElement {
        try MarkupElement(parsing: Array(text.utf8), limits: limits)
    }

    @Test func `elements, attributes, namespaces, text and the entities of XML are read`() throws {
        let root = try parse(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- a comment --><a:Envelope xmlns:a="urn:a" xmlns="urn:b" x='1 &amp; 2'>
              <Body a:nil="true">Tom &lt;&amp;&gt; &#x4A;erry<![CDATA[ <&> ]]>é</Body><Empty/>
            </a:Envelope>
            """)
        #expect(root.name == "Envelope")
        #expect(root.namespace == "urn:a")
        #expect(root.attributes == ["x": "1 & 2"])
        #expect(root.children.map(\.name) == ["Body", "Empty"])
        let body = try #require(root.child("Body"))
        #expect(body.namespace == "urn:b")
        #expect(body.attributes == ["nil": "true"])
        #expect(body.value == "Tom <&> Jerry <&> é")
        #expect(root.child("Empty")?.text == "")
    }

    @Test(arguments: [
        "", "x", "<a>", "<a></b>", "<a/><b/>", "<a b=1/>", "<a b='1' b='2'/>", "<a>&nbsp;</a>",
        "<a>\u{1}</a>",
        "<a:b/>x", "<a><![CDATA[</a>", "{}", "<?xml version='1.0'?>",
    ])
    func `a text that is not well-formed is refused`(text: String) {
        #expect(throws: MarkupError.malformed) { try parse(text) }
    }

    @Test func `invalid UTF-8 is refused`() {
        #expect(throws: MarkupError.malformed) {
            try MarkupElement(parsing: Array("<a>".utf8) + [0xFF, 0xC0] + Array("</a>".utf8))
        }
    }

    @Test(arguments: [
        // Entities that expand to 10^9 texts.
        """
        <!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
        <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><l>&d;</l>
        """,
        #"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>"#,
        #"<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>"#,
        #"<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/a.dtd"> %x;]><a/>"#,
        "<!DOCTYPE a><a/>",
    ])
    func `a document type is refused, and with it every entity`(text: String) {
        #expect(throws: MarkupError.documentType) { try parse(text) }
    }

    @Test func `sizes have limits`() throws {
        var limits = MarkupLimits()
        limits.depth = 3
        limits.elements = 5
        limits.attributes = 2
        limits.bytes = 200
        #expect(try parse("<a><b><c/></b></a>", limits).child("b")?.child("c") != nil)
        #expect(throws: MarkupError.tooLarge) { try parse("<a><b><c><d/></c></b></a>", limits) }
        #expect(throws: MarkupError.tooLarge) { try parse("<a><b/><b/><b/><b/><b/></a>", limits) }
        #expect(throws: MarkupError.tooLarge) { try parse("<a b='' c='' d=''/>", limits) }
        #expect(throws: MarkupError.tooLarge) {
            try parse("<a>" + String(repeating: "x", count: 200) + "</a>", limits)
        }
        let deep = String(repeating: "<a>", count: 100_000)
        #expect(throws: MarkupError.tooLarge) { try parse(deep) }
    }
}
