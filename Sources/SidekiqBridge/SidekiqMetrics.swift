internal import Encoding
import FoundationEssentials
import JobIndex
import Jobs
import Redis

/// Runs per class and minute, in the keys that Sidekiq's metrics page and exporters read.
///
/// Sidekiq 7 and 8 name the keys differently, so both names are written (7.3.9 and 8.1.7,
/// `metrics/tracking.rb` and `metrics/shared.rb`). Version 6.4 has no metrics page. All times are UTC.
struct SidekiqMetrics: Sendable, Equatable {
    /// A key and its lifetime in seconds.
    struct Key: Sendable, Equatable {
        let name: String
        let lifetime: Int
    }

    /// Hashes of `<class>|p`, `|f` and `|ms`.
    let hashes: [Key]
    /// A hash of `<queue>|p`, `|f` and `|ms`. Sidekiq has none by queue.
    let queues: Key
    private let histogramOf7: String
    private let histogramOf8: String

    /// The keys for a moment.
    init(at time: Date) {
        let day = CivilDay(time)
        let second = Int(time.timeIntervalSince1970.rounded(.down))
        let minutes = (second % CivilDay.seconds + CivilDay.seconds) % CivilDay.seconds / 60
        let (hour, minute) = (minutes / 60, minutes % 60)
        let date = "\(day.year)\(CivilDay.pad(day.month))\(CivilDay.pad(day.day))"
        let shortDate = String(date.suffix(6))
        let padded = CivilDay.pad(minute)
        hashes = [
            Key(name: "j|\(date)|\(hour):\(minute)", lifetime: Self.minuteLifetime),
            Key(name: "j|\(shortDate)|\(hour):\(padded)", lifetime: Self.minuteLifetime),
            Key(name: RunHistoryKey.name(at: time), lifetime: RunHistoryKey.lifetime),
        ]
        queues = Key(name: RunHistoryKey.queues(at: time), lifetime: RunHistoryKey.lifetime)
        histogramOf7 = "\(CivilDay.pad(day.day))-\(CivilDay.pad(hour)):\(minute)"
        histogramOf8 = "\(day.day)-\(hour):\(minute)"
    }

    /// The bit fields of a class's run times: 26 saturating numbers of 16 bits.
    func histograms(of className: String) -> [Key] {
        [
            Key(name: "\(className)-\(histogramOf7)", lifetime: Self.minuteLifetime),
            Key(name: "h|\(className)-\(histogramOf8)", lifetime: Self.minuteLifetime),
        ]
    }

    /// The commands that add the tallies.
    func commands(_ counts: RunCounts) -> [[RedisArgument]] {
        guard !counts.classes.isEmpty else { return [] }
        var commands = hashes.flatMap { Self.additions(of: counts.classes, to: $0) }
        commands += Self.additions(of: counts.queues, to: queues)
        for (className, tally) in counts.classes where tally.processed > tally.failed {
            for key in histograms(of: className) {
                var command: [RedisArgument] = ["BITFIELD", RedisArgument(key.name), "OVERFLOW", "SAT"]
                for (index, count) in tally.histogram.enumerated() where count > 0 {
                    command += ["INCRBY", "u16", "#\(index)", RedisArgument(count)]
                }
                commands.append(command)
                commands.append(["EXPIRE", RedisArgument(key.name), RedisArgument(key.lifetime)])
            }
        }
        return commands
    }

    private static func additions(of tallies: [String: RunTally], to key: Key) -> [[RedisArgument]] {
        var commands: [[RedisArgument]] = []
        for (name, tally) in tallies {
            let fields = [("p", tally.processed), ("f", tally.failed), ("ms", tally.milliseconds)]
            for (field, count) in fields where count > 0 {
                commands.append(
                    ["HINCRBY", RedisArgument(key.name), "\(name)|\(field)", RedisArgument(count)])
            }
        }
        commands.append(["EXPIRE", RedisArgument(key.name), RedisArgument(key.lifetime)])
        return commands
    }

    private static let minuteLifetime = 8 * 3600
}
