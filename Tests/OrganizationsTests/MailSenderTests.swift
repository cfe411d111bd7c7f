import Testing

@testable import Organizations

struct MailSenderTests {
    @Test(arguments: [
        ("sync@acme.example", nil, "sync@acme.example"), ("<sync@acme.example>", nil, "sync@acme.example"),
        ("Acme <sync@acme.example>", "Acme", "sync@acme.example"),
        (" Zażółć GmbH  < sync@Acme.Example > ", "Zażółć GmbH", "sync@acme.example"),
        (#""Acme, \"Inc.\"" <sync@acme.example>"#, #"Acme, "Inc.""#, "sync@acme.example"),
    ])
    func `a sender has an address and optionally a name`(text: String, name: String?, address: String) throws
    {
        let sender = try #require(MailSender(text))
        #expect(sender.name == name && sender.address.text == address)
    }

    @Test(arguments: [
        "", "Acme", "Acme <nobody>", "Acme <a@b.example", #""Acme <a@b.example>"#, #"A"b <a@b.example>"#,
        "Acme\r\nBcc: x@y.example <a@b.example>", "a@b.example, c@d.example",
    ])
    func `anything else is refused`(text: String) {
        #expect(MailSender(text) == nil)
    }
}
