import Testing

@testable import Pages

struct HTMLTests {
    @Test func `text is escaped, and markup is not escaped twice`() {
        let name = #"<b>"O'Neil" & co</b>"#
        let inner: HTML = "<i title=\"\(name)\">\(name)</i>"
        let escaped = "&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;"
        let outer: HTML = "<p>\(inner)\([inner])</p>"
        #expect(inner.markup == "<i title=\"\(escaped)\">\(escaped)</i>")
        #expect(outer.markup == "<p>\(inner.markup)\(inner.markup)</p>")
    }

    @Test func `a quote with a combining mark is escaped too`() {
        let html: HTML = "<i title=\"\("\"\u{301} onclick=\"x")\">"
        #expect(html.markup == "<i title=\"&quot;\u{301} onclick=&quot;x\">")
    }
}
