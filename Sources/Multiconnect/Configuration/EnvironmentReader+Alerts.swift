import Cryptography
import Organizations

extension EnvironmentReader {
    /// The receivers of notifications: `OPERATOR_EMAIL`, `NOTIFY_WEBHOOK_URL` and `NOTIFY_WEBHOOK_SECRET`,
    /// `ADMIN_ALERTS`.
    mutating func alerts() -> AlertSettings {
        AlertSettings(
            recipients: addresses("OPERATOR_EMAIL"), webhook: webhook(), mailsAdmins: flag("ADMIN_ALERTS"))
    }

    /// Addresses separated by commas.
    private mutating func addresses(_ name: String) -> [EmailAddress] {
        guard let text = text(name) else { return [] }
        var addresses: [EmailAddress] = []
        for part in text.split(separator: ",") {
            guard let address = EmailAddress(String(part)) else {
                report("\(name) must be e-mail addresses separated by commas, not \(text.debugDescription)")
                return []
            }
            if !addresses.contains(address) { addresses.append(address) }
        }
        if addresses.count > OrganizationsLimits.operatorAddresses {
            report("\(name) has more than \(OrganizationsLimits.operatorAddresses) addresses")
        }
        return addresses
    }

    /// The messages quote neither value: the URL may have a token.
    private mutating func webhook() -> WebhookTarget? {
        guard let url = text("NOTIFY_WEBHOOK_URL") else {
            if text("NOTIFY_WEBHOOK_SECRET") != nil {
                report("NOTIFY_WEBHOOK_SECRET is set, but NOTIFY_WEBHOOK_URL is missing")
            }
            return nil
        }
        guard let secret = text("NOTIFY_WEBHOOK_SECRET") else {
            report("NOTIFY_WEBHOOK_SECRET is missing: NOTIFY_WEBHOOK_URL needs a secret for its signatures")
            return nil
        }
        if secret.utf8.count < OrganizationsLimits.webhookSecretBytes {
            report(
                "NOTIFY_WEBHOOK_SECRET is shorter than \(OrganizationsLimits.webhookSecretBytes) bytes")
        }
        if let target = WebhookTarget(url: url, secret: Secret(text: secret)) { return target }
        report(
            "NOTIFY_WEBHOOK_URL must be an https URL without a user (http only for localhost, 127.0.0.1 and "
                + "[::1])")
        return nil
    }
}
