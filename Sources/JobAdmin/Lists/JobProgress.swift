import Encoding
package import FoundationEssentials
import Jobs

/// The progress that a job's handler reported, in words.
package struct JobProgress: Sendable, Equatable {
    /// Rows that are done; nil if the handler reports no rows.
    package let rows: Int?
    /// All rows; nil if their number is not known.
    package let total: Int?
    /// The other numbers, by name.
    package let others: [String: Int]

    /// - Parameter json: an object of numbers. Nil for another text.
    package init?(_ json: String) {
        guard let members = try? JSONValue(parsing: Array(json.utf8)).object else { return nil }
        var others: [String: Int] = [:]
        for (name, value) in members { others[name] = value.int }
        guard !others.isEmpty else { return nil }
        rows = others.removeValue(forKey: "rows")
        let expected = others.removeValue(forKey: "expectedRows")
        total = expected.flatMap { $0 > 0 ? $0 : nil }
        self.others = others
    }

    /// From 0 to 100; nil without a total.
    package var percent: Int? {
        guard let rows, let total else { return nil }
        return min(100, rows * 100 / total)
    }

    /// For example `60,000 of 400,000 · 15 % · 3 quarantined`.
    package var text: String {
        var parts: [String] = []
        if let rows, let total {
            parts.append("\(JobCount(rows)) of \(JobCount(total))")
            if let percent { parts.append("\(percent) %") }
        } else if let rows {
            parts.append("\(JobCount(rows)) rows")
        }
        for (name, value) in others.sorted(by: { $0.key < $1.key }) where value > 0 {
            parts.append("\(JobCount(value)) \(name)")
        }
        return parts.isEmpty ? "begun" : parts.joined(separator: " · ")
    }

    /// The time that the rest takes at the pace so far, in seconds. Nil while the pace is not known.
    package func remaining(since start: Date?, now: Date) -> Double? {
        guard let start, let rows, let total, rows > 0, rows < total else { return nil }
        let elapsed = now.timeIntervalSince(start)
        guard elapsed >= Self.leastElapsed else { return nil }
        return elapsed / Double(rows) * Double(total - rows)
    }

    /// Before this many seconds the pace says little.
    private static let leastElapsed: Double = 5
}
