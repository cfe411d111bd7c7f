import Encoding

/// Subject, plain text and HTML of a mail.
package struct MailContent: Equatable, Sendable {
    /// Why a mail is sent. The raw value is stored in the database.
    package enum Purpose: String, Sendable, CaseIterable {
        case consent
        /// The grant was revoked.
        case unauthorized
        /// A rotated refresh token was lost with a broken answer.
        case lostToken = "lost_token"
    }

    package let subject: String
    package let text: String
    package let html: String

    init(subject: String, text: String, html: String) {
        self.subject = subject
        self.text = text
        self.html = html
    }

    /// - Parameters:
    ///   - brand: names the product, and the address for questions.
    ///   - organization: text from strangers. Both names become one line and are encoded here.
    package init(purpose: Purpose, brand: Brand, organization: OrganizationName, link: String) {
        let app = Self.product(brand)
        let support = Self.support(brand)
        let words = Self.words(purpose, app: app, organization: Self.plain(organization))
        subject = words.subject
        text = """
            \(words.greeting)

            \(words.request)

            \(link)

            \(words.closing)
            \(support.map { "\n\($0)\n" } ?? "")
            """
        html = """
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><title>\(HTMLText.escaped(words.subject))</title></head>
            <body>
            <p>\(HTMLText.escaped(words.greeting))</p>
            <p>\(HTMLText.escaped(words.request))</p>
            <p><a href="\(HTMLText.escaped(link))">\(HTMLText.escaped(link))</a></p>
            <p>\(HTMLText.escaped(words.closing))</p>\
            \(support.map { "\n<p>\(HTMLText.escaped($0))</p>" } ?? "")
            </body>
            </html>

            """
    }

    /// The product's name as one line.
    static func product(_ brand: Brand) -> String { OrganizationName(brand.name)?.text ?? "Multiconnect" }

    /// Where an admin can ask; nil without an address.
    static func support(_ brand: Brand) -> String? {
        brand.support.map { "Questions? Reply to this mail, or write to \($0.text)." }
    }

    /// The name, shortened and without text that mail programs turn into links: strangers write it.
    static func plain(_ name: OrganizationName) -> String {
        let words = name.text.split(separator: " ").filter { word in
            !word.contains("://") && !word.lowercased().hasPrefix("www.")
        }
        var text = words.map { unlinked(Array($0)) }.joined(separator: " ")
        text = text.split(separator: " ").joined(separator: " ")
        guard text.contains(where: { $0.isLetter || $0.isNumber }) else { return "your org" }
        if text.count > OrganizationsLimits.mailNameCharacters {
            text = text.prefix(OrganizationsLimits.mailNameCharacters - 1) + "…"
        }
        return text
    }

    /// Replaces dots and at signs that would form a host: `evil.example` becomes `evil example`; `A.G.`
    /// stays.
    private static func unlinked(_ word: [Character]) -> String {
        var result = ""
        for (index, character) in word.enumerated() {
            let isDot = [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"].contains(character)
            let label = word[(index + 1)...].prefix { $0.isLetter || $0.isNumber }
            let joins =
                index > 0 && (word[index - 1].isLetter || word[index - 1].isNumber) && label.count >= 2
            result.append(character == "@" || isDot && joins ? " " : character)
        }
        return result
    }

    private struct Words {
        let subject: String
        let greeting: String
        let request: String
        let closing: String
    }

    private static func words(_ purpose: Purpose, app: String, organization: String) -> Words {
        let rights =
            "The user who consents needs the permissions API Enabled, View All Data and Modify All Data."
        switch purpose {
        case .consent:
            return Words(
                subject: "Connect \(organization) to \(app)",
                greeting: "\(app) was installed in the Salesforce org \(organization).",
                request:
                    "To let it read the org's records, open this link and log in to that org as an admin:",
                closing: rights
                    + " If you did not expect this mail, do nothing: without your consent no data is read.")
        case .unauthorized:
            return Words(
                subject: "\(app) lost its access to \(organization)",
                greeting:
                    "Salesforce no longer accepts the consent that \(app) had for the org \(organization).",
                request: "To resume the sync, open this link and log in to that org as an admin:",
                closing: rights
                    + " If you uninstalled the package on purpose, do nothing. Synced data is kept.")
        case .lostToken:
            return Words(
                subject: "\(app) needs a new consent for \(organization)",
                greeting:
                    "A connection broke while Salesforce issued a new token for the org \(organization).",
                request:
                    "The old token is no longer valid. Please consent again, as an admin of that org:",
                closing: rights + " Synced data is kept, and the sync continues where it stopped.")
        }
    }
}
