import Testing

@testable import HTTPClient

struct MailServerTests {
    @Test func `a URL is read`() throws {
        let server = try MailServer(url: "smtp://us%40er:p%3Ass@mail.example:2525?tls=required")
        #expect(server.host == "mail.example")
        #expect(server.port == 2525)
        #expect(server.user == "us@er")
        #expect(server.password == "p:ss")
        #expect(server.requiresEncryption)
        #expect(!server.isEncrypted)
        let other = try MailServer(url: "smtps://[::1]/")
        #expect(other.host == "[::1]")
        #expect(other.port == 465)
        #expect(other.isEncrypted)
        #expect(other.user == nil)
        #expect(try MailServer(url: "smtp://localhost").port == 587)
    }

    @Test(arguments: [
        "", "smtp://", "http://host", "smtp://host:0", "smtp://host:x", "smtp://host:70000", "smtp://ho st",
        "smtp://host/path", "smtp://host?tls=maybe", "smtp://u:%0d%0a@host", "smtp://u:%4@host",
        "smtp://:p@host",
        "smtp://host\r\nQUIT",
    ])
    func `an invalid URL is refused`(_ url: String) {
        #expect(throws: HTTPClientError(.invalidRequest, detail: "mail server URL")) {
            try MailServer(url: url)
        }
    }

    @Test func `no textual form contains user or password`() throws {
        let server = try MailServer(url: "smtp://someone:hunter2@host:25")
        var dumped = ""
        dump(server, to: &dumped)
        for form in ["\(server)", String(reflecting: server), dumped] {
            #expect(!form.contains("hunter2") && !form.contains("someone"))
        }
        #expect("\(server)" == "smtp://host:25")
    }

    @Test func `a password is sent to other machines only encrypted, unless the URL permits it`() throws {
        #expect(try MailServer(url: "smtp://user:pass@mail.example").requiresEncryption)
        #expect(try !MailServer(url: "smtp://user:pass@mail.example?tls=optional").requiresEncryption)
        #expect(try !MailServer(url: "smtp://mail.example").requiresEncryption)
        #expect(try !MailServer(url: "smtp://user:pass@127.0.0.1").requiresEncryption)
    }
}
