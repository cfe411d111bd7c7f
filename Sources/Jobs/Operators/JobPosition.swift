package import FoundationEssentials

/// A place in the order in which jobs are listed: by the time that says most of their state, then by id. That
/// is when they are due while they wait, when they were started while they run, and when they ended.
package struct JobPosition: Sendable, Hashable, Comparable {
    /// The time.
    package let time: Date
    /// The id, which decides between equal times.
    package let id: String

    init(time: Date, id: String) {
        self.time = time
        self.id = id
    }

    /// The position that a text names, as `description` writes it; nil when it is none.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let time = Self.time(of: parts[0]), let id = JobID(String(parts[1])) else {
            return nil
        }
        self.time = time
        self.id = id.text
    }

    /// The time that a number of microseconds since 1970 names; nil when the text is none.
    static func time(of text: Substring) -> Date? {
        guard text.utf8.count <= 17, let microseconds = Int64(text), microseconds >= 0 else { return nil }
        // Whole seconds and the rest apart: together they would lose the last digits.
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(timeIntervalSince1970: Double(seconds)) + Double(rest) / 1e6
    }

    /// Microseconds since 1970.
    static func text(of time: Date) -> String { String(Int64((time.timeIntervalSince1970 * 1e6).rounded())) }

    package static func < (left: JobPosition, right: JobPosition) -> Bool {
        (left.time, left.id) < (right.time, right.id)
    }
}

extension JobPosition: CustomStringConvertible {
    /// Microseconds since 1970 and the id; safe in URLs.
    package var description: String { "\(Self.text(of: time))-\(id)" }
}

/// In which direction jobs are listed.
package enum JobOrder: String, Sendable {
    case oldestFirst = "oldest"
    case newestFirst = "newest"

    /// What is looked for first: of waiting jobs the next ones, of ended ones the latest.
    package static func natural(for states: Set<JobState>) -> JobOrder {
        let waiting: Set<JobState> = [.queued, .scheduled, .retry, .held, .running]
        return !states.isEmpty && states.isSubset(of: waiting) ? .oldestFirst : .newestFirst
    }

    /// Whether one position comes before another in this order.
    func precedes(_ one: JobPosition, _ other: JobPosition) -> Bool {
        self == .oldestFirst ? one < other : other < one
    }
}
