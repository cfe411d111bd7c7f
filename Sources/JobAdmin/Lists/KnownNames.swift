package import Jobs

/// The known queues and classes. An operator who pauses another name gets a warning: the pause of a
/// misspelled name holds no jobs.
package struct KnownNames: Sendable, Equatable {
    /// Queues of the program, and queues with present or recent jobs.
    package var queues: Set<String>
    /// Classes of the program, and classes with present or past jobs.
    package var classes: Set<String>

    package init(queues: Set<String>, classes: Set<String>) {
        self.queues = queues
        self.classes = classes
    }

    /// A warning for an operator who pauses an unknown name; nil if it is known.
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
            ? "known: " + known.sorted().prefix(maximumShown).joined(separator: ", ")
            : "did you mean \(near.joined(separator: " or "))?"
        return "no job of the \(kind) \(name) is known, so the pause may have no effect; \(hint)"
    }

    /// Similar names, the nearest first: equal in another case, with one or two wrong letters, or containing
    /// the name.
    static func near(_ name: String, among known: Set<String>) -> [String] {
        let wanted = name.lowercased()
        return known.compactMap { candidate -> (distance: Int, name: String)? in
            let other = candidate.lowercased()
            let distance = distance(Array(wanted.utf8), Array(other.utf8))
            if distance <= min(maximumEdits, other.utf8.count / 3) { return (distance, candidate) }
            let isPart = wanted.utf8.count >= minimumPart && !other.ranges(of: wanted).isEmpty
            return isPart ? (maximumEdits + 1, candidate) : nil
        }.sorted { $0 < $1 }.prefix(maximumSuggestions).map(\.name)
    }

    /// The Levenshtein distance in bytes.
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

    private static let maximumEdits = 2
    private static let minimumPart = 4
    private static let maximumSuggestions = 3
    private static let maximumShown = 20
}
