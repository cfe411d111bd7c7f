package import HTTPClient

/// How mails leave.
package struct MailSettings: Sendable {
    /// `SMTP_URL`; nil: mails are written to the log and the database only.
    package let server: MailServer?
    /// Who they come from.
    package let sender: EmailAddress
    /// `DEV_EMAIL`: in development everything goes here, and nothing to strangers.
    package let developmentRecipient: EmailAddress?

    package init(server: MailServer?, sender: EmailAddress, developmentRecipient: EmailAddress?) {
        self.server = server
        self.sender = sender
        self.developmentRecipient = developmentRecipient
    }

    /// Where a mail for `recipient` goes.
    func address(for recipient: EmailAddress) -> EmailAddress { developmentRecipient ?? recipient }
}
