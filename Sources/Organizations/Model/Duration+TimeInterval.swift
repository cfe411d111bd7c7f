package import FoundationEssentials

extension Duration {
    /// The duration in seconds, for arithmetic with dates.
    package var timeInterval: TimeInterval {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
