/// Counts delivered events in a rolling window of 24 hours, by the minute.
struct DeliveryTally: Sendable {
    private var minutes: [(minute: Int, count: Int)] = []
    private var total = 0

    private static let window = 24 * 60

    /// Counts `count` events at `now`, in milliseconds since 1970.
    mutating func add(_ count: Int, now: Int) {
        guard count > 0 else { return }
        if minutes.last?.minute == now / 60_000 {
            minutes[minutes.count - 1].count += count
        } else {
            minutes.append((now / 60_000, count))
        }
        total += count
        if let first = minutes.first, first.minute <= now / 60_000 - Self.window {
            total -= first.count
            minutes.removeFirst()
        }
    }

    /// Events of the last 24 hours.
    func count(now: Int) -> Int {
        let old = minutes.prefix { $0.minute <= now / 60_000 - Self.window }.reduce(0) { $0 + $1.count }
        return total - old
    }
}
