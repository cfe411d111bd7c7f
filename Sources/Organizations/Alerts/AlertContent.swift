internal import Activity
internal import Encoding
internal import FoundationEssentials

/// The content of a mail to operators.
enum AlertContent {
    /// Kinds that the subject names.
    private static let namedKinds = 3

    /// Messages quote names and errors from orgs: each becomes one line and is encoded here.
    static func mail(_ listed: [AlertStore.Listed], app: AppIdentity) -> MailContent {
        let name = OrganizationName(app.name)?.text ?? "Multiconnect"
        let groups = groups(of: listed)
        let count = groups.reduce(0) { $0 + $1.total }
        let named = groups.prefix(namedKinds).map { $0.total == 1 ? $0.kind : "\($0.kind) (\($0.total))" }
        let others = groups.count > namedKinds ? ", ..." : ""
        let subject =
            "[\(name)] \(count) notification\(count == 1 ? "" : "s"): "
            + named.joined(separator: ", ") + others
        let closing =
            "`multiconnect organizations notifications` lists all open notifications. Dashboard:"
        let link = "\(app.url)/dashboard"
        return MailContent(
            subject: subject,
            text: groups.map(\.text).joined(separator: "\n") + "\n\(closing) \(link)\n",
            html: """
                <!DOCTYPE html>
                <html lang="en">
                <head><meta charset="utf-8"><title>\(HTMLText.escaped(subject))</title></head>
                <body>
                \(groups.map(\.html).joined(separator: "\n"))
                <p>\(HTMLText.escaped(closing)) \
                <a href="\(HTMLText.escaped(link))">\(HTMLText.escaped(link))</a></p>
                </body>
                </html>

                """)
    }

    /// The listed notifications of one kind.
    private struct Group {
        let kind: String
        let total: Int
        var lines: [String]

        private var more: String? { total > lines.count ? "and \(total - lines.count) more" : nil }

        var text: String {
            "\(kind): \(total)\n" + (lines + (more.map { [$0] } ?? [])).map { "  \($0)\n" }.joined()
        }

        var html: String {
            let items = (lines + (more.map { [$0] } ?? [])).map { "<li>\(HTMLText.escaped($0))</li>" }
            return "<h3>\(HTMLText.escaped(kind)): \(total)</h3>\n<ul>\(items.joined(separator: "\n"))</ul>"
        }
    }

    private static func groups(of listed: [AlertStore.Listed]) -> [Group] {
        var groups: [Group] = []
        for item in listed {
            if groups.last?.kind != item.notification.eventType {
                groups.append(Group(kind: item.notification.eventType, total: item.total, lines: []))
            }
            groups[groups.count - 1].lines.append(line(item.notification))
        }
        return groups
    }

    /// `2026-01-31T12:34:56Z 00D... Acme: message`
    private static func line(_ notification: OperatorNotification) -> String {
        let tenant = [notification.organizationID, notification.organizationName].compactMap(\.self)
        let subject = tenant.isEmpty ? "" : " " + tenant.joined(separator: " ") + ":"
        let closed = notification.acknowledgedAt == nil ? "" : " (closed since)"
        return plain("\(time(notification.createdAt))\(subject) \(notification.message)") + closed
    }

    static func time(_ date: Date) -> String {
        var bytes: [UInt8] = []
        ISO8601.append(
            secondsSince1970: Int(date.timeIntervalSince1970.rounded(.down)), to: &bytes)
        return String(decoding: bytes, as: UTF8.self) + "Z"
    }

    static func plain(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Character in
            scalar.properties.generalCategory == .control ? " " : Character(scalar)
        }
        guard scalars.count > OrganizationsLimits.alertCharacters else { return String(scalars) }
        return String(scalars.prefix(OrganizationsLimits.alertCharacters - 1)) + "…"
    }
}
