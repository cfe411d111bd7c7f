internal import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Pages
import Replication
import Salesforce

/// Formats times, states and names for the operators' pages.
enum DashboardText {
    /// A time relative to now, such as "3 s ago" or "in 2 h 0 min". Its tooltip shows the exact time.
    static func distance(_ time: Date, from now: Date) -> HTML {
        let seconds = now.timeIntervalSince(time)
        let length = duration(abs(seconds))
        let text = seconds < -0.5 ? "in \(length)" : "\(length) ago"
        return "<time datetime=\"\(exact(time))\" title=\"\(exact(time))\">\(text)</time>"
    }

    /// The same on one line, or a dash without a time.
    static func age(_ time: Date?, from now: Date) -> HTML {
        guard let time else { return "<span class=\"dim\">–</span>" }
        return "<span class=\"nowrap\">\(distance(time, from: now))</span>"
    }

    /// A number of waiting changes. Counting stops at a limit.
    static func backlog(_ count: Int) -> String {
        "\(JobCount(count, count < ReplicationLimits.countedBacklog ? .exact : .atLeast))"
    }

    /// A duration in its two largest units.
    static func duration(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e12))
        return switch whole {
        case ..<1: "\(Int((max(seconds, 0) * 1000).rounded())) ms"
        case ..<60: "\(whole) s"
        case ..<3600: "\(whole / 60) min \(whole % 60) s"
        case ..<86_400: "\(whole / 3600) h \(whole % 3600 / 60) min"
        default: "\(whole / 86_400) d \(whole % 86_400 / 3600) h"
        }
    }

    /// A time in UTC, to the millisecond.
    private static func exact(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// A time in UTC, to the second.
    static func clock(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space))
    }

    /// A time relative to now, with the exact time below it.
    static func moment(_ time: Date, from now: Date) -> HTML {
        "<div>\(distance(time, from: now))<span class=\"id\">\(clock(time))</span></div>"
    }

    static func badge(_ state: JobState) -> HTML {
        "<span class=\"state \(state.rawValue)\">\(state.rawValue)</span>"
    }

    static func badge(_ status: OrganizationStatus) -> HTML {
        let style =
            switch status {
            case .live: "done"
            case .failed, .unauthorized: "dead"
            case .paused: "held"
            case .authorized, .provisioning, .importing: "running"
            case .registered: "retry"
            case .uninstalled: "off"
            }
        return "<span class=\"state \(style)\">\(status.rawValue)</span>"
    }

    /// A link to the page of a tenant. A tenant that no longer exists has only its id.
    static func tenant(_ id: UUID?, _ organizations: [UUID: Organization]) -> HTML {
        guard let id else { return "<span class=\"dim\">–</span>" }
        guard let organization = organizations[id] else {
            return "<code>\(id.uuidString.lowercased())</code>"
        }
        return """
            <a href="/dashboard/tenants/\(organization.organizationID.text)">\(organization.name.text)</a>
            """
    }

    /// The beginning of a text that may be very long, such as an error of an org.
    static func excerpt(_ text: String?) -> String {
        guard let text else { return "" }
        // Counting characters would read the whole text.
        guard let end = text.index(text.startIndex, offsetBy: excerptCharacters, limitedBy: text.endIndex),
            end < text.endIndex
        else { return text }
        return text[..<end] + "…"
    }

    private static let excerptCharacters = 1_000

    /// A number in groups of three digits.
    static func number(_ value: Int) -> String { "\(JobCount(value))" }

    /// The name of a pause's scope.
    static func name(_ scope: PauseScope, _ organizations: [UUID: Organization]) -> String {
        switch scope {
        case .queue(let name): "queue \(name)"
        case .class(let name): "class \(name)"
        case .tenant(let id):
            organizations[id].map { "tenant \($0.name) (\($0.organizationID))" }
                ?? "tenant \(id.uuidString.lowercased())"
        }
    }
}

extension JobState {
    /// The title of this state's tab.
    var title: String {
        switch self {
        case .queued: "Queued"
        case .scheduled: "Scheduled"
        case .running: "Running"
        case .retry: "Retry"
        case .held: "Held"
        case .done: "Done"
        case .dead: "Dead"
        case .cancelled: "Cancelled"
        }
    }
}

extension JobAction {
    /// The text of this action's button.
    var title: String {
        switch self {
        case .retry: "Retry"
        case .cancel: "Cancel"
        case .kill: "Kill"
        case .delete: "Delete"
        }
    }

    /// The effect of the action, shown before it is confirmed.
    var explanation: String {
        switch self {
        case .retry:
            "They run as soon as a worker has a free slot. Dead jobs get all of their attempts again."
        case .cancel:
            "They become cancelled and do not run again. Running jobs are asked to stop within some seconds."
        case .kill: "They become dead at once. Running jobs lose their claim and cannot commit anything."
        case .delete: "They are deleted with their history. This cannot be undone."
        }
    }

    /// Whether the action needs a confirmation.
    var isFinal: Bool { self == .kill || self == .delete }
}
