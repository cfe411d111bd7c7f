import FoundationEssentials
import Replication

/// The span of time that charts show, and the intervals that it consists of.
enum FlowRange: String, CaseIterable, Sendable {
    case hour
    case day
    case week
    case quarter

    /// The query's field.
    static let field = "range"

    var label: String {
        switch self {
        case .hour: "1 hour"
        case .day: "24 hours"
        case .week: "7 days"
        case .quarter: "90 days"
        }
    }

    /// The counters that are read.
    var span: FlowSpan {
        switch self {
        case .hour, .day: .minute
        case .week: .hour
        case .quarter: .day
        }
    }

    /// The number of bars, and the seconds of each.
    var bars: (count: Int, seconds: Int) {
        switch self {
        case .hour: (60, 60)
        case .day: (96, 900)
        case .week: (84, 7_200)
        case .quarter: (90, 86_400)
        }
    }

    /// The start of the first bar, in seconds since 1970. The last bar has the current time.
    func start(_ now: Date) -> Int {
        let (count, seconds) = bars
        return (Int(now.timeIntervalSince1970) / seconds - count + 1) * seconds
    }

    /// The counts of each bar with its label. Bars without counts are empty.
    func series<Counts: Sendable>(
        _ intervals: [FlowInterval<Counts>], empty: Counts, now: Date, _ add: (Counts, Counts) -> Counts
    ) -> [(label: String, counts: Counts)] {
        let (count, seconds) = bars
        let start = start(now)
        var series = (0..<count).map { (Self.label(start + $0 * seconds, by: seconds), empty) }
        for interval in intervals {
            let place = (interval.start - start) / seconds
            guard interval.start >= start, series.indices.contains(place) else { continue }
            series[place].1 = add(series[place].1, interval.counts)
        }
        return series
    }

    /// The start of a bar in UTC: the time of day, or the day if a bar is a day.
    static func label(_ start: Int, by seconds: Int) -> String {
        let text = DashboardText.clock(Date(timeIntervalSince1970: Double(start)))
        let (day, time) = (text.prefix(10), text.dropFirst(11).prefix(5))
        return seconds >= 86_400 ? "\(day)" : seconds > 900 ? "\(day) \(time)" : "\(time)"
    }
}
