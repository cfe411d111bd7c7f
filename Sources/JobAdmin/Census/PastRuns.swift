/// The runs of the last 24 hours, as workers have counted them in Redis.
package struct RunHistory: Sendable, Equatable {
    package var classes: [String: PastRuns] = [:]
    package var queues: [String: PastRuns] = [:]
}

/// The runs of a class or of a queue in the last 24 hours.
package struct PastRuns: Sendable, Equatable {
    /// Ended runs of each hour, the oldest first. Failed ones are among them.
    package var hours: [Int]
    package var failed = 0
    /// The run time of the successful ones.
    package var milliseconds = 0

    package init() {
        hours = Array(repeating: 0, count: Self.hourCount)
    }

    static let hourCount = 24

    package var total: Int { hours.reduce(0, +) }

    /// The average run time of the successful ones in seconds; nil without them.
    package var average: Double? {
        total > failed ? Double(milliseconds) / Double(total - failed) / 1_000 : nil
    }

    /// Adds the fields of one of `RunHistoryKey`'s hashes.
    ///
    /// - Parameter hour: the place in `hours`.
    static func add(
        _ fields: [(name: String, count: Int)], in hour: Int, to runs: inout [String: PastRuns]
    ) {
        for (name, count) in fields {
            // A name may have the sign too.
            guard let mark = name.lastIndex(of: "|") else { continue }
            let owner = String(name[..<mark])
            var own = runs[owner] ?? PastRuns()
            switch name[name.index(after: mark)...] {
            case "p": own.hours[hour] += count
            case "f": own.failed += count
            case "ms": own.milliseconds += count
            default: continue
            }
            runs[owner] = own
        }
    }
}
