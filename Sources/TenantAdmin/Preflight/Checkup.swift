package import Salesforce

/// The facts about an org and a tenant's database, and their consequences for the sync. Facts in, findings
/// out.
package struct Checkup: Sendable, Equatable {
    /// The name of the user who consented; nil if it is not known.
    package var username: String?
    /// Nil if they cannot be read.
    package var rights: UserRights?
    /// Whether a mapping writes to Salesforce.
    package var writes = UserRights.Writes.none
    /// The mapped objects.
    package var objects: [String] = []
    /// Objects that send change events. Nil if that cannot be read.
    package var selected: Set<String>?
    /// By name, such as `DailyApiRequests`. Nil if they cannot be read.
    package var limits: [String: OrgLimit]?
    /// Why the database does not suit. Nil if it did not answer.
    package var obstacles: [String]?

    package init() {}

    /// A result of the check.
    package struct Finding: Sendable, Equatable {
        /// How important it is.
        package enum Level: String, Sendable {
            case good
            /// The sync works, but could work better.
            case advice
            /// The sync does not work, or not for long.
            case missing
        }

        /// Who can change it.
        package enum Reader: Sendable {
            case admin
            case `operator`
        }

        package let level: Level
        package let reader: Reader
        package let text: String
        /// What to do; nil if there is nothing to do.
        package let advice: String?
    }

    /// The findings, those about the org first.
    package var findings: [Finding] {
        rightFindings + eventFindings + limitFindings + databaseFindings
    }

    /// A text for the org's admin with what to do; nil if there is nothing.
    package var message: String? {
        let open = findings.filter { $0.reader == .admin && $0.level != .good }
        guard !open.isEmpty else { return nil }
        return open.enumerated().map { index, finding in
            let advice = finding.advice.map { "\n   \($0)" } ?? ""
            return "\(index + 1). \(finding.text)\(advice)"
        }.joined(separator: "\n")
    }
}

extension Checkup {
    private static func admin(_ level: Finding.Level, _ text: String, _ advice: String? = nil) -> Finding {
        Finding(level: level, reader: .admin, text: text, advice: advice)
    }

    private var user: String { username.map { "The user \($0)" } ?? "The user who consented" }

    private var rightFindings: [Finding] {
        guard let rights else {
            return [
                Self.admin(
                    .advice, "The permissions of the user cannot be read.",
                    "Give the user the permission View Setup and Configuration.")
            ]
        }
        let missing = rights.missing(writes: writes)
        guard !missing.isEmpty else {
            return [Self.admin(.good, "\(user) has the permissions that the sync needs.")]
        }
        return missing.map { right in
            Self.admin(
                .missing, "\(user) lacks the permission \(right.rawValue).",
                "Assign a permission set with \(right.rawValue): \(Self.reason(right)).")
        }
    }

    private static func reason(_ right: UserRights.Right) -> String {
        switch right {
        case .apiEnabled: "without it no record can be read"
        case .viewAllData: "without it records that are not shared with the user are missing"
        case .modifyAllData: "without it local changes of some records are refused"
        }
    }

    private var eventFindings: [Finding] {
        guard let selected else {
            return [
                Self.admin(
                    .advice, "It cannot be read which objects send change events.",
                    "Give the user View Setup and Configuration. Until then polls find the changes.")
            ]
        }
        let known = Set(selected.map { $0.lowercased() })
        let silent = objects.filter { !known.contains($0.lowercased()) }
        guard !silent.isEmpty else {
            return [Self.admin(.good, "All mapped objects send change events.")]
        }
        return [
            Self.admin(
                .advice,
                "These objects send no change events, so their changes arrive with the next poll: "
                    + silent.joined(separator: ", ") + ".",
                "Select them in Setup, Change Data Capture. Objects that are missing there support no events."
            )
        ]
    }

    /// The limits that are checked: name, text, and what to do.
    private static let watched: [(name: String, text: String, advice: String)] = [
        (
            "DailyApiRequests", "API requests of 24 hours",
            "Check in Setup, System Overview, which integrations use them, or buy more."
        ),
        (
            "DailyDeliveredPlatformEvents", "delivered events of 24 hours",
            "Select fewer objects for Change Data Capture, or buy the add-on."
        ),
        (
            "DataStorageMB", "megabytes of data storage",
            "Delete records, or buy storage: writes fail when it is full."
        ),
    ]
    /// Percent of a limit below which it is a finding.
    private static let scarce = 10

    private var limitFindings: [Finding] {
        guard let limits else {
            return [Self.admin(.advice, "The limits of the org cannot be read.")]
        }
        return Self.watched.compactMap { name, text, advice in
            guard let limit = limits[name], limit.maximum > 0 else { return nil }
            let percent = limit.remaining * 100 / limit.maximum
            let state = "\(limit.remaining) of \(limit.maximum) \(text) are left (\(percent) %)."
            guard percent < Self.scarce else { return Self.admin(.good, state) }
            return Self.admin(limit.remaining <= 0 ? .missing : .advice, state, advice)
        }
    }

    private var databaseFindings: [Finding] {
        guard let obstacles else {
            return [
                Finding(
                    level: .missing, reader: .operator, text: "The tenant's database does not answer.",
                    advice: nil)
            ]
        }
        guard !obstacles.isEmpty else {
            return [
                Finding(
                    level: .good, reader: .operator, text: "The database allows the tenant's schema.",
                    advice: nil)
            ]
        }
        return obstacles.map {
            Finding(
                level: .missing, reader: .operator, text: "The database does not suit: \($0).",
                advice: "Have the database's owner change it.")
        }
    }
}
