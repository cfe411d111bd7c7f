internal import Encoding
package import FoundationEssentials

/// The keys with the runs of each class in ten minutes: hashes of `<class>|p` (runs), `|f` (failed ones) and
/// `|ms` (milliseconds). Sidekiq 8's metrics page reads them (8.1.7, `metrics/shared.rb`). All times are UTC.
package enum RunHistoryKey {
    package static let seconds = 600
    /// How long Redis keeps a key, in seconds.
    package static let lifetime = 3 * CivilDay.seconds

    /// Our own key with the same fields by queue.
    package static func queues(at time: Date) -> String { "multiconnect:queues:" + name(at: time) }

    package static func name(at time: Date) -> String {
        let day = CivilDay(time)
        let second = Int(time.timeIntervalSince1970.rounded(.down))
        let minutes = (second % CivilDay.seconds + CivilDay.seconds) % CivilDay.seconds / 60
        let year = CivilDay.pad(day.year % 100)
        return
            "j|\(year)\(CivilDay.pad(day.month))\(CivilDay.pad(day.day))|\(minutes / 60):\(minutes % 60 / 10)"
    }
}
