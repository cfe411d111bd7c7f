/// Something that is measured, under a name as Prometheus wants it: with the unit at its end, and `_total` after
/// that for what only grows.
package struct Metric: Sendable, Hashable {
    /// What may become of its value.
    package enum Kind: String, Sendable {
        /// It only grows; from zero again when its memory was lost.
        case counter
        /// It goes up and down.
        case gauge
        /// How many durations were at most each of some bounds, and their sum.
        case histogram
    }

    package let name: String
    package let kind: Kind
    /// What it says, for the people who look at it.
    package let help: String

    package init(_ name: String, _ kind: Kind, _ help: String) {
        self.name = name
        self.kind = kind
        self.help = help
    }
}
