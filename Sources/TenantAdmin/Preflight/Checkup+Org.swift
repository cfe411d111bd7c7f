import Salesforce

// Findings about the org.
extension Checkup {
    var orgFindings: [Finding] { rightFindings + [versionFinding] + eventFindings + limitFindings }

    private var user: String { username.map { "The user \($0)" } ?? "The user who consented" }

    private var rightFindings: [Finding] {
        guard let rights else {
            return [
                Finding(
                    .permissions, .advice, for: .admin, "The permissions of the user cannot be read.",
                    "Give the user the permission View Setup and Configuration.")
            ]
        }
        let missing = rights.missing(writes: writes)
        guard !missing.isEmpty else {
            return [
                Finding(
                    .permissions, .good, for: .admin, "\(user) has the permissions that the sync needs.")
            ]
        }
        return missing.map { right in
            Finding(
                .permissions, .missing, for: .admin, "\(user) lacks the permission \(right.rawValue).",
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

    /// Salesforce supports a version for three years at least, which are nine releases.
    private static let oldVersions = 3

    private var versionFinding: Finding {
        let pinned = APIVersion.pinned
        guard let versions, let oldest = versions.min() else {
            return Finding(.apiVersion, .skipped, "The versions of the org's API cannot be read.")
        }
        guard versions.contains(pinned) else {
            return Finding(
                .apiVersion, .missing, "The org has no version \(pinned) of the API, which all calls use.",
                "Install a release of Multiconnect that uses a later version.")
        }
        guard pinned.major - oldest.major >= Self.oldVersions else {
            return Finding(
                .apiVersion, .advice, "Version \(pinned) of the API is among the oldest that the org has.",
                "Plan an update of Multiconnect: Salesforce retires its oldest versions.")
        }
        return Finding(.apiVersion, .good, "The org has version \(pinned) of the API.")
    }

    /// The mapped objects that send no change events. Nil if that cannot be read.
    var silentObjects: [MappingFacts]? {
        guard let selected else { return nil }
        let known = Set(selected.map { $0.lowercased() })
        return mappings.filter { !known.contains($0.objectName.lowercased()) }
    }

    private var eventFindings: [Finding] {
        guard let silent = silentObjects else {
            return [
                Finding(
                    .changeEvents, .advice, for: .admin,
                    "It cannot be read which objects send change events.",
                    "Give the user View Setup and Configuration. Until then polls find the changes.")
            ]
        }
        guard !silent.isEmpty else {
            return [Finding(.changeEvents, .good, for: .admin, "All mapped objects send change events.")]
        }
        return [
            Finding(
                .changeEvents, .advice, for: .admin,
                "These objects send no change events, so their changes arrive with the next poll: "
                    + silent.map(\.objectName).joined(separator: ", ") + ".",
                "Select them in Setup, Change Data Capture. Objects that are missing there support no events."
            )
        ]
    }

    /// A limit that is checked.
    private struct WatchedLimit {
        var name: String
        var rule: CheckupRule
        var text: String
        var advice: String
    }

    private static let watched = [
        WatchedLimit(
            name: "DailyApiRequests", rule: .apiRequests, text: "API requests of 24 hours",
            advice: "Check in Setup, System Overview, which integrations use them, or buy more."),
        WatchedLimit(
            name: "DailyDeliveredPlatformEvents", rule: .eventAllowance,
            text: "delivered events of 24 hours",
            advice: "Select fewer objects for Change Data Capture, or buy the add-on."),
        WatchedLimit(
            name: "DataStorageMB", rule: .storage, text: "megabytes of data storage",
            advice: "Delete records, or buy storage: writes fail when it is full."),
    ]
    /// Percent of a limit below which it is a finding.
    private static let scarce = 10

    private var limitFindings: [Finding] {
        guard let limits else {
            return [Finding(.apiRequests, .advice, for: .admin, "The limits of the org cannot be read.")]
        }
        return Self.watched.map { watched in
            guard let limit = limits[watched.name], limit.maximum > 0 else {
                return Finding(
                    watched.rule, .skipped, for: .admin, "The org has no limit of \(watched.text).")
            }
            let percent = limit.remaining * 100 / limit.maximum
            let state = "\(limit.remaining) of \(limit.maximum) \(watched.text) are left (\(percent) %)."
            guard percent < Self.scarce else { return Finding(watched.rule, .good, for: .admin, state) }
            return Finding(
                watched.rule, limit.remaining <= 0 ? .missing : .advice, for: .admin, state, watched.advice)
        }
    }
}
