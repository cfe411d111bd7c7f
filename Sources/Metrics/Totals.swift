/// Whole numbers that only grow, by metric and by the value of its one label: what a process has to tell, and what
/// all of them have told together.
package struct Totals: Sendable, Equatable {
    /// Where a number belongs.
    struct Place: Sendable, Hashable {
        let metric: String
        /// The label's value: no spaces.
        let value: String
        let part: Part
    }

    /// Which number of a metric.
    enum Part: Sendable, Hashable {
        case total
        /// Of a histogram: how many durations lie under this bound and above the one before.
        case bound(microseconds: Int)
        case beyond
        /// Of a histogram: all durations together, in microseconds.
        case sum
    }

    private(set) var numbers: [Place: Int] = [:]

    package init() {}

    package var isEmpty: Bool { numbers.isEmpty }

    /// Adds to a counter. Adding nothing makes it known: a rate needs a first value to grow from.
    package mutating func add(_ count: Int, to metric: Metric, _ value: String) {
        add(count, at: Place(metric: metric.name, value: value, part: .total))
    }

    /// Adds to a histogram; with all of its bounds, which have to be there from its first duration on.
    package mutating func add(_ histogram: Histogram, to metric: Metric, _ value: String) {
        guard !histogram.isEmpty else { return }
        let bounds = histogram.bounds.microseconds
        for (index, count) in histogram.counts.enumerated() {
            let part: Part = index < bounds.count ? .bound(microseconds: bounds[index]) : .beyond
            add(count, at: Place(metric: metric.name, value: value, part: part))
        }
        add(histogram.microseconds, at: Place(metric: metric.name, value: value, part: .sum))
    }

    /// Adds all of others'.
    package mutating func add(_ others: Totals) {
        for (place, number) in others.numbers { add(number, at: place) }
    }

    mutating func add(_ number: Int, at place: Place) {
        numbers[place, default: 0] += number
    }
}

extension Totals.Part {
    /// The part as a field of Redis names it; the same in every version.
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
