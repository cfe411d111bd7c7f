internal import Activity
internal import Encoding

/// The kinds of notifications that a tenant's admin can end, and their mails.
enum AdminAlert {
    /// A problem and its remedy, in words for the admin.
    struct Words: Sendable {
        let problem: String
        let advice: String
    }

    /// By kind of notification. Lost consents have a mail of their own.
    static let words: [String: Words] = [
        "mapping_problems": Words(
            problem: "Some fields or objects cannot be read.",
            advice: "Give the user who consented read access to them, or tell us that they are not needed."),
        "columns_paused": Words(
            problem: "Fields were removed, hidden or changed their type, so they are not synced any more.",
            advice: "Check the fields and the user's access to them. The sync continues by itself."),
        "object_gone": Words(
            problem: "An object cannot be found any more.",
            advice: "Check whether it was removed, and whether the user who consented may read it."),
        "refresh_refused": Words(
            problem: "Salesforce has refused our login for a day.",
            advice:
                "Check the policies of the connected app: permitted users, IP relaxation, refresh tokens."
        ),
        "stream_refused": Words(
            problem: "Change events cannot be subscribed. Changes arrive later, by polls.",
            advice: "Check that the user may subscribe to Change Data Capture, and that it is available."),
        "delivered_events_low": Words(
            problem: "The org's daily allowance of delivered events is nearly used up.",
            advice:
                "Select fewer objects for Change Data Capture, or buy the add-on. Polls replace the events."),
        "api_allowance_low": Words(
            problem: "The org's daily API requests are nearly used up, so the sync waits.",
            advice: "Check which integrations use them, in Setup, System Overview."),
    ]

    /// The mail about a tenant's new notifications.
    static func mail(
        _ notifications: [OperatorNotification], organization: OrganizationName, app: AppIdentity
    ) -> MailContent {
        let name = MailContent.product(app.brand)
        let org = MailContent.plain(organization)
        let subject = "\(name): the sync of \(org) needs your attention"
        let greeting = "\(name) keeps a copy of records of the Salesforce org \(org)."
        var kinds: [String] = []
        for notification in notifications where !kinds.contains(notification.eventType) {
            kinds.append(notification.eventType)
        }
        let parts = kinds.compactMap { kind -> (words: Words, lines: [String])? in
            guard let words = words[kind] else { return nil }
            let lines = notifications.filter { $0.eventType == kind }.map { AlertContent.plain($0.message) }
            return (words, lines)
        }
        let closing =
            ["Records that were synced stay. At most one mail a day is sent about the same kind of problem."]
            + [MailContent.support(app.brand)].compactMap(\.self)
        let text = parts.map { part in
            "\(part.words.problem)\n\(part.lines.map { "  \($0)\n" }.joined())\(part.words.advice)\n"
        }
        let html = parts.map { part in
            let items = part.lines.map { "<li>\(HTMLText.escaped($0))</li>" }.joined(separator: "\n")
            return """
                <h3>\(HTMLText.escaped(part.words.problem))</h3>
                <ul>\(items)</ul>
                <p>\(HTMLText.escaped(part.words.advice))</p>
                """
        }
        return MailContent(
            subject: subject,
            text: "\(greeting)\n\n\(text.joined(separator: "\n"))\n\(closing.joined(separator: "\n\n"))\n",
            html: """
                <!DOCTYPE html>
                <html lang="en">
                <head><meta charset="utf-8"><title>\(HTMLText.escaped(subject))</title></head>
                <body>
                <p>\(HTMLText.escaped(greeting))</p>
                \(html.joined(separator: "\n"))
                \(closing.map { "<p>\(HTMLText.escaped($0))</p>" }.joined(separator: "\n"))
                </body>
                </html>

                """)
    }
}
