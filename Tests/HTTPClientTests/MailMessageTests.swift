import Foundation
import Testing

@testable import HTTPClient

struct MailMessageTests {
    func message(
        subject: String = "Hello", name: String? = nil, text: String = "text", html: String? = nil
    ) throws -> MailMessage {
        MailMessage(
            from: try MailAddress("sync@app.example", name: "Multiconnect"),
            to: [try MailAddress("admin@customer.example", name: name)], subject: subject, text: text,
            html: html,
            date: Date(timeIntervalSince1970: 1_795_000_000), id: "6f1c.1")
    }

    func lines(_ message: MailMessage) throws -> [String] {
        String(decoding: try message.encoded(), as: UTF8.self).components(separatedBy: "\r\n")
    }

    @Test func `a plain mail has these lines`() throws {
        #expect(
            try lines(message()) == [
                "Date: Wed, 18 Nov 2026 11:06:40 +0000",
                "From: Multiconnect <sync@app.example>",
                "To: <admin@customer.example>",
                "Subject: Hello",
                "Message-ID: <6f1c.1@app.example>",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable",
                "",
                "text",
                "",
            ])
    }

    @Test func `a mail with HTML has both parts`() throws {
        let lines = try lines(message(html: "<p>é = e</p>"))
        let start = try #require(lines.firstIndex { $0.hasPrefix("Content-Type: multipart/alternative") })
        #expect(
            Array(lines[start...]) == [
                "Content-Type: multipart/alternative; boundary=\"=_6f1c.1\"", "",
                "--=_6f1c.1",
                "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
                "text",
                "--=_6f1c.1",
                "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
                "<p>=C3=A9 =3D e</p>",
                "--=_6f1c.1--", "",
            ])
    }

    @Test(arguments: [
        "Hello\r\nBcc: victim@example.com", "Hello\nX: y", "Hello\u{0}", "a\u{2028}b", "=?utf-8?B?SGk=?=",
        "  spaces  ", String(repeating: "long ", count: 60),
        "Ünïcödé 🎉 " + String(repeating: "é", count: 200),
    ])
    func `text in headers cannot end a header`(_ text: String) throws {
        let lines = try lines(message(subject: text, name: text))
        let plain = try self.lines(message(subject: "x", name: "y"))
        let names = { (lines: [String]) in
            lines.filter { $0.first?.isLetter == true }.map { $0.prefix { $0 != ":" } }
        }
        #expect(names(lines) == names(plain))
        #expect(lines.allSatisfy { $0.utf8.count <= 100 && $0.utf8.allSatisfy { (32...126).contains($0) } })
        let start = try #require(lines.firstIndex { $0.hasPrefix("Subject: ") })
        let folded = [lines[start]] + lines[(start + 1)...].prefix { $0.hasPrefix(" ") }
        var decoded = Data()
        for word in folded.joined().dropFirst("Subject: ".count).split(separator: " ") {
            #expect(word.hasPrefix("=?utf-8?B?") && word.hasSuffix("?=") && word.count <= 75)
            decoded += Data(base64Encoded: String(word.dropFirst(10).dropLast(2))) ?? Data()
        }
        let expected = String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 32 ? " " : $0 }))
        #expect(String(decoding: decoded, as: UTF8.self) == expected)
    }

    @Test func `a name that looks like an address is encoded`() throws {
        let to = try MailAddress("a@b.example", name: "\"x\" <y@z>, w").headerText
        #expect(to == "=?utf-8?B?\(Data("\"x\" <y@z>, w".utf8).base64EncodedString())?= <a@b.example>")
    }

    @Test(arguments: [
        "", "admin", "@b.c", "a@", "a@b@c", "a b@c.d", "a@b c", "a@b.c>\r\nRCPT TO:<x@y.z", "<a@b.c>",
        "a..b@c.d",
        ".a@b.c", "a@b..c", "a@[127.0.0.1]", "é@b.c", "a@é.c", "\"a\"@b.c", "a,b@c.d",
        String(repeating: "a", count: 65) + "@b.c", "a@" + String(repeating: "b", count: 260),
    ])
    func `an invalid address is refused`(_ text: String) {
        #expect(throws: HTTPClientError(.invalidRequest, detail: "mail address")) { try MailAddress(text) }
    }

    @Test(arguments: ["a@b", "first.last+tag@sub.example-1.com", "o'neil@xn--bcher-kva.example"])
    func `ordinary addresses are accepted`(_ text: String) throws {
        #expect(try MailAddress(text).address == text)
    }

    @Test func `quoted-printable follows its rules`() {
        #expect(QuotedPrintable.encode("a=b") == "a=3Db")
        #expect(QuotedPrintable.encode("a\nb\r\nc\rd") == "a\r\nb\r\nc\r\nd")
        #expect(QuotedPrintable.encode("end \nnext\t") == "end=20\r\nnext=09")
        let long = QuotedPrintable.encode(String(repeating: "é", count: 100))
        #expect(long.components(separatedBy: "\r\n").allSatisfy { $0.count <= 76 })
        #expect(
            long.replacingOccurrences(of: "=\r\n", with: "") == String(repeating: "=C3=A9", count: 100))
    }

    @Test func `dates are written in UTC`() throws {
        var mail = try message()
        for (seconds, expected) in [
            (0.0, "Thu, 01 Jan 1970 00:00:00 +0000"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 +0000"),
        ] {
            mail.date = Date(timeIntervalSince1970: seconds)
            #expect(try lines(mail).first == "Date: \(expected)")
        }
    }

    @Test func `a mail without recipients or with an invalid id is refused`() throws {
        var mail = try message()
        mail.id = "a>\r\nX: y"
        #expect(throws: HTTPClientError.self) { try mail.encoded() }
        mail.id = "a"
        mail.to = []
        #expect(throws: HTTPClientError.self) { try mail.encoded() }
    }
}
