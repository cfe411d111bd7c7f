import Testing

@testable import Organizations

struct EmailAddressTests {
    @Test(arguments: [
        "a@b.co", "ann.lee+sf@sub.example.com", "o'neil@example.org", " padded@example.com\n", "1@2.example",
        "x_-{}~@xn--bcher-kva.example",
    ])
    func `a valid address is accepted`(text: String) {
        #expect(EmailAddress(text) != nil)
    }

    @Test(arguments: [
        "", "a", "@", "a@", "@b.co", "a@b", "a@b.co@c.co", "a b@c.co", "a@b..co", ".a@b.co", "a.@b.co",
        "a..b@c.co",
        "\"a b\"@c.co", "a@[127.0.0.1]", "a@127.0.0.1", "a@b.co\r\nBcc: x@y.co", "a\u{0}@b.co", "<a@b.co>",
        "é@b.co",
        "a@-b.co", "a@b-.co", "a@b.co, c@d.co", "a@b_c.co",
    ])
    func `anything else is refused`(text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test func `lengths are bounded`() {
        #expect(EmailAddress(String(repeating: "a", count: 65) + "@b.co") == nil)
        let label = String(repeating: "a", count: 60)
        #expect(EmailAddress("a@\(label).\(label).\(label).\(label).\(label).co") == nil)
    }

    @Test(arguments: [
        ("Acme", "Acme"), ("  A\r\nBcc:\tx  ", "A Bcc: x"), ("<b>&\"'", "<b>&\"'"), ("a\u{0}b\u{7F}", "ab"),
        ("a\u{202E}b\u{2028}c", "ab c"), ("👩‍🚀 Ünïcode", "👩‍🚀 Ünïcode"),
    ])
    func `a name becomes one line`(text: String, expected: String) {
        #expect(OrganizationName(text)?.text == expected)
    }

    @Test func `a name has a maximum length`() {
        #expect(OrganizationName(" \n\u{0}") == nil)
        #expect(OrganizationName(String(repeating: "x", count: 255)) != nil)
        #expect(OrganizationName(String(repeating: "x", count: 256)) == nil)
    }
}
