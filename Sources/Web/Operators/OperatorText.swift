import FoundationEssentials
import Jobs

/// Times and counts as the operators' pages write them.
enum OperatorText {
    /// How long ago, or in how long, with the time itself to be pointed at.
    static func distance(_ time: Date, from now: Date) -> HTML {
        let seconds = now.timeIntervalSince(time)
        let text = duration(abs(seconds))
        return """
            <time datetime="\(exact(time))" title="\(exact(time))">\(seconds < -0.5 ? "in \(text)" : "\(text) ago")</time>
            """
    }

    /// Seconds in the two largest units that fit.
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
    static func exact(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// A time in UTC, to the second, as people read it.
    static func clock(_ time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space))
    }

    static func badge(_ state: JobState) -> HTML {
        "<span class=\"state \(state.rawValue)\">\(state.rawValue)</span>"
    }
}

extension JobState {
    /// How a tab calls jobs in this state.
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
    /// What a button says.
    var title: String {
        switch self {
        case .retry: "Retry"
        case .cancel: "Cancel"
        case .kill: "Kill"
        case .delete: "Delete"
        }
    }

    /// What a person should know before.
    var explanation: String {
        switch self {
        case .retry:
            "They run as soon as a worker is free. Those that had given up get all of their attempts again."
        case .cancel: "They end for good. Running ones are asked to end, which takes some seconds."
        case .kill:
            "They are given up at once and are among the dead. Running ones can change nothing any more."
        case .delete: "They are removed with their history. This cannot be taken back."
        }
    }

    /// Whether it wants a second press.
    var isFinal: Bool { self == .kill || self == .delete }
}
