/// Counts of durations by interval, and their sum.
package struct Histogram: Sendable, Equatable {
    /// The bounds of a histogram, ascending. Versions that run side by side may have different bounds, so
    /// each is identified by its value, never by its position.
    package struct Bounds: Sendable, Equatable {
        let microseconds: [Int]

        package var seconds: [Double] { microseconds.map { Double($0) / 1_000_000 } }

        init(microseconds: [Int]) {
            precondition(microseconds == microseconds.sorted(), "bounds ascend")
            self.microseconds = microseconds
        }

        /// For interactive work: a millisecond to ten seconds.
        package static let answers = Bounds(microseconds: [
            1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
            5_000_000,
            10_000_000,
        ])

        /// For background work: a millisecond to four hours.
        package static let work = Bounds(microseconds: [
            1000, 5000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 30_000_000,
            60_000_000, 300_000_000, 900_000_000, 3_600_000_000, 14_400_000_000,
        ])
    }

    let bounds: Bounds
    /// One count for each bound, and one above all bounds.
    private(set) var counts: [Int]
    private(set) var microseconds = 0

    package init(_ bounds: Bounds) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.microseconds.count + 1)
    }

    var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    /// Counts a duration. A negative one, caused by clock differences, counts as zero.
    package mutating func count(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let taken = max(0, Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000))
        microseconds += taken
        counts[bounds.microseconds.firstIndex { taken <= $0 } ?? bounds.microseconds.count] += 1
    }
}
