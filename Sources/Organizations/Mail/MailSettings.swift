package import HTTPClient

/// How mails are sent.
package struct MailSettings: Sendable {
    /// `SMTP_URL`; nil writes mails only to the log and the database.
    package let server: MailServer?
    /// `MAIL_FROM`; not nil if there is a server.
    package let sender: MailSender?
    /// `SUPPORT_EMAIL`: receives the answers to mails to admins; nil: the sender does.
    package let support: EmailAddress?
    /// `DEV_EMAIL`: receives all mails in development, so that strangers get none.
    package let developmentRecipient: EmailAddress?
    package let limits: MailLimits

    package init(
        server: MailServer?, sender: MailSender?, support: EmailAddress? = nil,
        developmentRecipient: EmailAddress?, limits: MailLimits = MailLimits()
    ) {
        self.support = support
        self.server = server
        self.sender = sender
        self.developmentRecipient = developmentRecipient
        self.limits = limits
    }

    /// The address that a mail for `recipient` is sent to.
    func address(for recipient: EmailAddress) -> EmailAddress { developmentRecipient ?? recipient }
}

/// `MAIL_FROM`: an address, or a name and an address, for example `Acme Sync <sync@acme.example>`.
package struct MailSender: Sendable, Equatable {
    package let address: EmailAddress
    package let name: String?

    /// Reads the forms of RFC 5322, section 3.4. The name may be quoted. Nil for other text.
    package init?(_ text: String) {
        let trimmed = Self.trimmed(text[...])
        guard trimmed.hasSuffix(">"), let bracket = trimmed.lastIndex(of: "<") else {
            guard let address = EmailAddress(text) else { return nil }
            self.address = address
            name = nil
            return
        }
        let inner = trimmed[trimmed.index(after: bracket)...].dropLast()
        guard let address = EmailAddress(String(inner)), let name = Self.name(trimmed[..<bracket]) else {
            return nil
        }
        self.address = address
        self.name = name.isEmpty ? nil : name
    }

    /// Nil for an unbalanced quotation mark and for control characters.
    private static func name(_ text: Substring) -> String? {
        var rest = trimmed(text)
        guard rest.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            return nil
        }
        guard rest.hasPrefix("\"") else { return rest.contains("\"") ? nil : String(rest) }
        guard rest.count >= 2, rest.hasSuffix("\"") else { return nil }
        rest = rest.dropFirst().dropLast()
        var name = ""
        while let character = rest.popFirst() {
            if character == "\"" { return nil }
            guard character == "\\" else {
                name.append(character)
                continue
            }
            guard let quoted = rest.popFirst() else { return nil }
            name.append(quoted)
        }
        return name
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop(while: \.isWhitespace)
        let end = start.lastIndex { !$0.isWhitespace }.map { start.index(after: $0) } ?? start.startIndex
        return start[..<end]
    }
}
