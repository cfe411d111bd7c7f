/// A page in Prometheus' text format, version 0.0.4: metric families with HELP and TYPE.
package struct Exposition: Sendable {
    /// The media type of the page.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// One value of a metric, with its labels.
    package struct Sample: Sendable, Equatable {
        package let labels: [Label]
        package let value: Double

        package init(_ value: Double, _ labels: Label...) {
            self.labels = labels
            self.value = value
        }
    }

    /// A label of a sample.
    package struct Label: Sendable, Equatable {
        package let name: String
        package let value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The page so far.
    package private(set) var text = ""

    package init() {}

    /// Adds a counter or a gauge. A metric without samples is omitted.
    package mutating func add(_ metric: Metric, _ samples: [Sample]) {
        precondition(metric.kind != .histogram, "a histogram needs totals")
        guard !samples.isEmpty else { return }
        begin(metric)
        for sample in samples { line(metric.name, sample.labels, Self.number(sample.value)) }
    }

    /// Adds a counter or a histogram of the totals, with one label.
    package mutating func add(_ metric: Metric, by label: String, from totals: Totals) {
        let parts = Dictionary(
            grouping: totals.numbers.filter { $0.key.metric == metric.name }, by: \.key.value
        ).mapValues { numbers in
            Dictionary(uniqueKeysWithValues: numbers.map { ($0.key.part, $0.value) })
        }
        guard !parts.isEmpty else { return }
        begin(metric)
        for (value, numbers) in parts.sorted(by: { $0.key < $1.key }) {
            let label = Label(label, value)
            if metric.kind == .histogram {
                histogram(metric.name, label, numbers)
            } else {
                line(metric.name, [label], String(numbers[.total] ?? 0))
            }
        }
    }

    /// The totals count each interval separately. The page shows cumulative buckets.
    private mutating func histogram(_ name: String, _ label: Label, _ numbers: [Totals.Part: Int]) {
        let bounds = numbers.keys.compactMap { part in
            if case .bound(let microseconds) = part { microseconds } else { nil }
        }.sorted()
        var count = 0
        for bound in bounds {
            count += numbers[.bound(microseconds: bound)] ?? 0
            line(name + "_bucket", [label, Label("le", Self.seconds(bound))], String(count))
        }
        count += numbers[.beyond] ?? 0
        line(name + "_bucket", [label, Label("le", "+Inf")], String(count))
        line(name + "_sum", [label], Self.seconds(numbers[.sum] ?? 0))
        line(name + "_count", [label], String(count))
    }

    private mutating func begin(_ metric: Metric) {
        let help = metric.help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
        text += "# HELP \(metric.name) \(help)\n# TYPE \(metric.name) \(metric.kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: [Label], _ value: String) {
        text += name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    /// An escaped label value.
    static func escaped(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// A number in the syntax of Go, as the format requires.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        // Beyond 2^53 a Double holds no whole number exactly.
        if value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int(value)) }
        return "\(value)"
    }

    private static func seconds(_ microseconds: Int) -> String { number(Double(microseconds) / 1_000_000) }
}
