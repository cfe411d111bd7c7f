package import Cryptography
internal import FoundationEssentials

/// Who is notified outside of this installation.
package struct AlertSettings: Sendable {
    /// `OPERATOR_EMAIL`: each gets a mail of its own.
    package let recipients: [EmailAddress]
    /// `NOTIFY_WEBHOOK_URL` and its secret; nil without a webhook.
    package let webhook: WebhookTarget?
    /// `ADMIN_ALERTS`: whether tenants' admins are mailed about the problems that they can end.
    package let mailsAdmins: Bool

    package init(
        recipients: [EmailAddress] = [], webhook: WebhookTarget? = nil, mailsAdmins: Bool = false
    ) {
        self.mailsAdmins = mailsAdmins
        self.recipients = recipients
        self.webhook = webhook
    }
}

/// The address of a webhook and the secret that signs its requests. Neither is printed: the addresses of many
/// services contain a token.
package struct WebhookTarget: Sendable {
    package let url: Secret
    package let secret: Secret

    /// Nil unless the URL is an https URL without a user, or an http URL of this machine.
    package init?(url text: String, secret: Secret) {
        guard let url = URL(string: text), let host = url.host(), !host.isEmpty, url.user() == nil,
            url.fragment() == nil, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        switch url.scheme {
        case "https": break
        case "http":
            guard ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host) else { return nil }
        default: return nil
        }
        self.url = Secret(text: text)
        self.secret = secret
    }
}
