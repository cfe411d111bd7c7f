/// A metric, named by Prometheus' conventions: the unit at the end, then `_total` for counters.
package struct Metric: Sendable, Hashable {
    /// The type of a metric.
    package enum Kind: String, Sendable {
        /// It only grows. It starts at zero if Redis lost its data.
        case counter
        /// It goes up and down.
        case gauge
        /// Counts of durations by upper bound, and their sum.
        case histogram
    }

    package let name: String
    package let kind: Kind
    /// The HELP text.
    package let help: String

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}
