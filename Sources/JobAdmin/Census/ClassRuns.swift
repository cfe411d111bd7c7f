/// The runs of a class in the last 24 hours, as workers have counted them in Redis.
package struct ClassRuns: Sendable, Equatable {
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
        _ fields: [(name: String, count: Int)], in hour: Int, to runs: inout [String: ClassRuns]
    ) {
        for (name, count) in fields {
            // A class's name may have the sign too.
            guard let mark = name.lastIndex(of: "|") else { continue }
            let className = String(name[..<mark])
            var own = runs[className] ?? ClassRuns()
            switch name[name.index(after: mark)...] {
            case "p": own.hours[hour] += count
            case "f": own.failed += count
            case "ms": own.milliseconds += count
            default: continue
            }
            runs[className] = own
        }
    }
}
