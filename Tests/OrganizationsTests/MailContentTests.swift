import Salesforce
import Testing

@testable import Organizations

struct MailContentTests {
    @Test(arguments: MailContent.Purpose.allCases)
    func `names never become markup or header lines`(purpose: MailContent.Purpose) throws {
        let name = try #require(OrganizationName("<script>\"x\"&'\r\nBcc: all@example.com"))
        let mail = MailContent(
            purpose: purpose, brand: Brand(name: "My\nApp <b>"), organization: name,
            link: "https://app.example/authenticate?a=1&b=2")
        #expect(!mail.subject.unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(mail.subject.contains("<script>\"x\"&' Bcc: all example com"))
        #expect(!mail.html.contains("<script>"))
        #expect(mail.html.contains("&lt;script&gt;&quot;x&quot;&amp;&#39; Bcc: all example com"))
        #expect(mail.html.contains("My App &lt;b&gt;"))
        #expect(mail.html.contains("href=\"https://app.example/authenticate?a=1&amp;b=2\""))
        #expect(mail.text.contains("\nhttps://app.example/authenticate?a=1&b=2\n"))
    }

    @Test func `a mail names the address for questions, if there is one`() throws {
        let name = try #require(OrganizationName("Acme"))
        let brand = Brand(name: "Sync", support: EmailAddress("help@app.example"))
        let mail = MailContent(
            purpose: .consent, brand: brand, organization: name, link: "https://app.example")
        let line = "Questions? Reply to this mail, or write to help@app.example."
        #expect(mail.text.hasSuffix("\n\n\(line)\n") && mail.html.contains("<p>\(line)</p>"))
        let without = MailContent(
            purpose: .consent, brand: Brand(name: "Sync"), organization: name, link: "https://app.example")
        #expect(!without.text.contains("Questions") && without.text.hasSuffix("no data is read.\n"))
        #expect(mail.text.hasPrefix(without.text))
    }

    @Test func `the link contains the org id`() throws {
        let organization = try OrganizationID("00D090000083B1p")
        for base in ["https://app.example", "https://app.example/"] {
            #expect(
                ConsentLink.url(appURL: base, organization: organization)
                    == "https://app.example/authenticate?org_id=00D090000083B1pEAE")
        }
    }

    @Test(arguments: [
        ("Acme Inc.", "Acme Inc."), ("Łódź S.A. & Co. 😀", "Łódź S.A. & Co. 😀"),
        ("Win at https://evil.example/x now", "Win at now"), ("www.evil.example Acme", "Acme"),
        ("Go to evil.example/pay", "Go to evil example/pay"), ("evil。example", "evil example"),
        ("Pay bob@evil.example", "Pay bob evil example"), ("Booking.com B.V.", "Booking com B.V."),
        ("http://evil.example", "your org"), ("...", "your org"),
    ])
    func `a name in a mail contains nothing that mail programs turn into a link`(
        name: String, expected: String
    ) throws {
        #expect(MailContent.plain(try #require(OrganizationName(name))) == expected)
    }

    @Test func `a long name is shortened`() throws {
        let name = try #require(OrganizationName(String(repeating: "a", count: 200)))
        #expect(MailContent.plain(name).count == 60)
    }
}
