import Activity
import ArgumentParser
import Encoding
import FoundationEssentials
import Organizations
import Postgres
import Salesforce

/// `multiconnect organizations mails`
struct OrganizationsMailsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mails",
        abstract: "Shows the latest mails with their state, also those that were not sent without SMTP_URL.",
        discussion:
            "Exit status: 0 done; 64 wrong arguments; 69 the database does not answer."
    )

    @Option(help: "The number of mails, at most 1000.") var limit = 20
    @Flag(help: "One line for each mail, the newest first, without the text.") var table = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...1_000).contains(limit) else { throw ValidationError("--limit must be from 1 to 1000") }
        guard !(table && json) else { throw ValidationError("--table and --json exclude each other") }
    }

    func run() async throws {
        try await OrganizationsCommand.withControlDatabase { [self] connection in
            let mails = try await MailStore(on: connection).list(limit: limit)
            let organizations = try await OrganizationStore(on: connection).find(
                ids: Set(mails.compactMap(\.organization)))
            let named = mails.map { mail in
                (mail: mail, org: mail.organization.flatMap { organizations[$0]?.organizationID.text })
            }
            if json {
                print(JSONText.object([("mails", .array(named.map { Self.document($0.mail, $0.org) }))]).text)
            } else if table {
                print(Self.table(named))
            } else {
                for (mail, org) in named.reversed() { print(Self.text(mail, org)) }
            }
        }
    }

    private static func state(_ mail: StoredMail) -> String {
        mail.sentAt != nil ? "sent" : mail.error != nil ? "failed" : "unsent"
    }

    private static func detail(_ mail: StoredMail) -> String {
        if let time = mail.sentAt { return ", \(JobsText.time(time))" }
        return mail.error == nil ? ": it waits for a worker, or SMTP_URL is not set" : ""
    }

    private static func table(_ mails: [(mail: StoredMail, org: String?)]) -> String {
        guard !mails.isEmpty else { return "no mails" }
        let rows = mails.map { mail, org in
            [
                JobsText.time(mail.createdAt), state(mail), org ?? "-", mail.purpose,
                JobsText.plain(mail.recipient, length: 60), JobsText.plain(mail.subject, length: 60),
                JobsText.plain(mail.error ?? "-", length: 80),
            ]
        }
        return TextTable.text(["WRITTEN", "STATE", "ORG", "PURPOSE", "TO", "SUBJECT", "ERROR"], rows)
    }

    private static func text(_ mail: StoredMail, _ org: String?) -> String {
        var lines = [
            "Date: \(JobsText.time(mail.createdAt))",
            "State: \(state(mail))\(detail(mail))",
        ]
        if let error = mail.error { lines.append("Error: \(JobsText.plain(error))") }
        if let org { lines.append("Org: \(org)") }
        lines += ["To: \(mail.recipient)", "Subject: \(mail.subject)", "", mail.text, "---"]
        return lines.joined(separator: "\n")
    }

    private static func document(_ mail: StoredMail, _ org: String?) -> JSONText {
        .object([
            ("id", .number(Int(mail.id))), ("org_id", .optional(org)), ("purpose", .string(mail.purpose)),
            ("recipient", .string(mail.recipient)), ("sent_to", .optional(mail.sentTo)),
            ("subject", .string(mail.subject)), ("state", .string(state(mail))),
            ("created_at", .time(mail.createdAt)), ("sent_at", .optional(mail.sentAt)),
            ("error", .optional(mail.error)), ("text", .string(mail.text)),
        ])
    }
}

/// `multiconnect organizations notifications`
struct OrganizationsNotificationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notifications", abstract: "Lists the open notifications, the newest first.",
        discussion: "Exit status: 0 done; 69 the database does not answer.")

    private static let shown = 1_000

    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await OrganizationsCommand.withControlDatabase { [self] connection in
            let open = try await NotificationStore(on: connection).open(limit: Self.shown)
            print(json ? Self.document(open).text : Self.table(open))
        }
    }

    private static func table(_ notifications: [OperatorNotification]) -> String {
        guard !notifications.isEmpty else { return "no open notifications" }
        // Names and messages are text from outside.
        let rows = notifications.map { notification in
            [
                "\(notification.id)", JobsText.time(notification.createdAt), notification.eventType,
                notification.organizationID ?? "-",
                JobsText.plain(notification.organizationName ?? "-", length: 40),
                JobsText.plain(notification.message),
            ]
        }
        return TextTable.text(["NUMBER", "SINCE", "KIND", "ORG", "NAME", "MESSAGE"], rows)
    }

    private static func document(_ notifications: [OperatorNotification]) -> JSONText {
        .object([
            (
                "notifications",
                .array(
                    notifications.map { notification in
                        .object([
                            ("id", .number(Int(notification.id))), ("kind", .string(notification.eventType)),
                            ("created_at", .time(notification.createdAt)),
                            ("org_id", .optional(notification.organizationID)),
                            ("name", .optional(notification.organizationName)),
                            ("message", .string(notification.message)),
                        ])
                    })
            )
        ])
    }
}
