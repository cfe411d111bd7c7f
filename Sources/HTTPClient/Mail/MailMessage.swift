internal import Encoding
package import FoundationEssentials

/// A mail with a plain text and optionally the same text as HTML.
package struct MailMessage: Sendable {
    package var from: MailAddress
    package var to: [MailAddress]
    package var replyTo: MailAddress?
    package var subject: String
    package var text: String
    package var html: String?
    package var date: Date
    /// The source of the Message-ID: letters, digits, `.` and `-`. Unique to this mail, and equal when it is
    /// sent again, so that receivers recognize a duplicate. For example a UUID.
    package var id: String

    package init(
        from: MailAddress, to: [MailAddress], replyTo: MailAddress? = nil, subject: String, text: String,
        html: String? = nil, date: Date, id: String
    ) {
        self.from = from
        self.to = to
        self.replyTo = replyTo
        self.subject = subject
        self.text = text
        self.html = html
        self.date = date
        self.id = id
    }

    /// The message in the format of RFC 5322 and MIME. Throws `.invalidRequest` without recipients or for an
    /// invalid id.
    package func encoded() throws(HTTPClientError) -> [UInt8] {
        guard !to.isEmpty, !id.isEmpty, id.utf8.count <= 64,
            id.utf8.allSatisfy({ HeaderText.isAlphanumeric($0) || $0 == 45 || $0 == 46 })
        else { throw HTTPClientError(.invalidRequest, detail: "mail message") }
        var lines = [
            "Date: \(InternetDate.mail(secondsSince1970: Int(date.timeIntervalSince1970.rounded(.down))))",
            "From: \(from.headerText)",
            "To: \(to.map(\.headerText).joined(separator: ",\r\n "))",
        ]
        if let replyTo { lines.append("Reply-To: \(replyTo.headerText)") }
        lines += [
            "Subject: \(HeaderText.unstructured(subject))",
            "Message-ID: <\(id)@\(from.domain)>",
            // RFC 3834: no automatic replies.
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ]
        lines += contentLines
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    private var contentLines: [String] {
        let plain = Self.part(text, type: "plain")
        guard let html else { return plain }
        // Quoted-printable text never contains "=_", so the boundary cannot occur in a part (RFC 2045
        // section 6.7).
        let boundary = "=_\(id)"
        return ["Content-Type: multipart/alternative; boundary=\"\(boundary)\"", "", "--\(boundary)"] + plain
            + ["--\(boundary)"] + Self.part(html, type: "html") + ["--\(boundary)--"]
    }

    private static func part(_ text: String, type: String) -> [String] {
        [
            "Content-Type: text/\(type); charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
            QuotedPrintable.encode(text),
        ]
    }
}
