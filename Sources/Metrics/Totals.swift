/// Counters by metric and by the value of its label: those of one process, or the sums of all.
package struct Totals: Sendable, Equatable {
    /// The key of a counter.
    struct Place: Sendable, Hashable {
        let metric: String
        /// The label's value, without spaces.
        let value: String
        let part: Part
    }

    /// The part of a metric.
    enum Part: Sendable, Hashable {
        case total
        /// Histogram: the count of durations between this bound and the one before.
        case bound(microseconds: Int)
        case beyond
        /// Histogram: the sum of all durations in microseconds.
        case sum
    }

    private(set) var numbers: [Place: Int] = [:]

    package init() {}

    package var isEmpty: Bool { numbers.isEmpty }

    /// Adds to a counter. Adding zero creates it: a rate needs a first value.
    package mutating func add(_ count: Int, to metric: Metric, _ value: String) {
        add(count, at: Place(metric: metric.name, value: value, part: .total))
    }

    /// Adds to a histogram with all of its bounds, which must exist from the first duration on.
    package mutating func add(_ histogram: Histogram, to metric: Metric, _ value: String) {
        guard !histogram.isEmpty else { return }
        let bounds = histogram.bounds.microseconds
        for (index, count) in histogram.counts.enumerated() {
            let part: Part = index < bounds.count ? .bound(microseconds: bounds[index]) : .beyond
            add(count, at: Place(metric: metric.name, value: value, part: part))
        }
        add(histogram.microseconds, at: Place(metric: metric.name, value: value, part: .sum))
    }

    /// Adds all counters of `others`.
    package mutating func add(_ others: Totals) {
        for (place, number) in others.numbers { add(number, at: place) }
    }

    mutating func add(_ number: Int, at place: Place) {
        numbers[place, default: 0] += number
    }

    /// The sum of a counter over some values of its label; nil: over all.
    package func sum(of metric: Metric, _ values: Set<String>? = nil) -> Int {
        numbers.reduce(0) { sum, each in
            guard each.key.metric == metric.name, each.key.part == .total,
                values?.contains(each.key.value) ?? true
            else { return sum }
            return sum + each.value
        }
    }

    /// The counts of a histogram over all values of its label: one for each bound, and one above all bounds.
    /// Empty if there are none.
    package func counts(of metric: Metric, _ bounds: Histogram.Bounds) -> [Int] {
        var counts = Array(repeating: 0, count: bounds.microseconds.count + 1)
        for (place, number) in numbers where place.metric == metric.name {
            switch place.part {
            case .bound(let microseconds):
                if let index = bounds.microseconds.firstIndex(of: microseconds) { counts[index] += number }
            case .beyond: counts[counts.count - 1] += number
            case .total, .sum: continue
            }
        }
        return counts.contains { $0 > 0 } ? counts : []
    }
}

extension Totals.Part {
    /// The part in the name of a Redis field. It is the same in every version.
    var text: String {
        switch self {
        case .total: "total"
        case .bound(let microseconds): "<=\(microseconds)"
        case .beyond: ">"
        case .sum: "sum"
        }
    }

    init?(_ text: Substring) {
        switch text {
        case "total": self = .total
        case ">": self = .beyond
        case "sum": self = .sum
        default:
            guard text.hasPrefix("<="), let microseconds = Int(text.dropFirst(2)) else { return nil }
            self = .bound(microseconds: microseconds)
        }
    }
}
