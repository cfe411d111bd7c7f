/// The queues and classes of which something is known, to warn an operator who names another: a pause of a misspelled
/// name holds nothing and looks like one that works.
package struct KnownNames: Sendable, Equatable {
    /// Queues that have jobs, had some lately, or are part of the program.
    package var queues: Set<String>
    /// Classes that have jobs, had some, or are part of the program.
    package var classes: Set<String>

    package init(queues: Set<String>, classes: Set<String>) {
        self.queues = queues
        self.classes = classes
    }

    /// What to tell an operator who pauses a name of which nothing is known; nil when it is known.
    package func warning(about scope: PauseScope) -> String? {
        switch scope {
        case .queue(let name): Self.warning("queue", name, among: queues)
        case .class(let name): Self.warning("class", name, among: classes)
        case .tenant: nil
        }
    }

    private static func warning(_ kind: String, _ name: String, among known: Set<String>) -> String? {
        guard !known.contains(name) else { return nil }
        let near = near(name, among: known)
        let hint =
            near.isEmpty
            ? "known: " + known.sorted().prefix(mostShown).joined(separator: ", ")
            : "did you mean \(near.joined(separator: " or "))?"
        return "no job of the \(kind) \(name) is known, so the pause may hold nothing; \(hint)"
    }

    /// The names that somebody may have meant, the nearest first: the same in another case, with a letter or two wrong,
    /// or of which the name is a part.
    static func near(_ name: String, among known: Set<String>) -> [String] {
        let wanted = name.lowercased()
        return known.compactMap { candidate -> (distance: Int, name: String)? in
            let other = candidate.lowercased()
            let distance = distance(Array(wanted.utf8), Array(other.utf8))
            if distance <= min(mostEdits, other.utf8.count / 3) { return (distance, candidate) }
            let isPart = wanted.utf8.count >= shortestPart && !other.ranges(of: wanted).isEmpty
            return isPart ? (mostEdits + 1, candidate) : nil
        }.sorted { $0 < $1 }.prefix(mostSuggested).map(\.name)
    }

    /// How many bytes must be changed, added or removed to make one of the other.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (index, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in other.indices {
                let replaced = diagonal + (byte == other[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[other.count]
    }

    private static let mostEdits = 2
    private static let shortestPart = 4
    private static let mostSuggested = 3
    private static let mostShown = 20
}
