package import FoundationEssentials

/// A position in a list of jobs. Lists are in the order of a time, then of ids. The time depends on the job's
/// state: the due time while it waits, the start while it runs, and then its end.
package struct JobPosition: Sendable, Hashable, Comparable {
    /// The time.
    package let time: Date
    /// The id.
    package let id: String

    package init(time: Date, id: String) {
        self.time = time
        self.id = id
    }

    /// Reads `description`; nil if the text is not valid.
    package init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let time = Self.time(of: parts[0]), let id = JobID(String(parts[1])) else {
            return nil
        }
        self.time = time
        self.id = id.text
    }

    /// Reads microseconds since 1970; nil if the text is not valid.
    package static func time(of text: Substring) -> Date? {
        guard text.utf8.count <= 17, let microseconds = Int64(text), microseconds >= 0 else { return nil }
        // Added in two parts: one number would lose the last digits.
        let (seconds, rest) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Date(timeIntervalSince1970: Double(seconds)) + Double(rest) / 1e6
    }

    /// Microseconds since 1970.
    package static func text(of time: Date) -> String {
        String(Int64((time.timeIntervalSince1970 * 1e6).rounded()))
    }

    package static func < (left: JobPosition, right: JobPosition) -> Bool {
        (left.time, left.id) < (right.time, right.id)
    }
}

extension JobPosition: CustomStringConvertible {
    /// Microseconds since 1970 and the id; safe in URLs.
    package var description: String { "\(Self.text(of: time))-\(id)" }
}
