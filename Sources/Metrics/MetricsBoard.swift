package import Redis

/// The metrics of all processes, in Redis. Only web processes have a port to scrape, and workers come and go,
/// so the totals are kept in Redis. They last as long as Redis' data: Prometheus handles counters that
/// restart at zero.
///
/// Counts since the last write are lost if a process is killed, and counted twice if Redis' reply is lost.
package struct MetricsBoard: Sendable {
    /// The content of the board.
    package struct Contents: Sendable, Equatable {
        package let totals: Totals
        /// Reports of recent processes, by identity.
        package let reports: [ProcessReport]
    }

    enum Limits {
        /// The most label values of all metrics: job classes and a few more. Other Redis clients may create
        /// any number of classes. Label values above the limit are counted together as `other`.
        static let labelValues = 200
        /// Seconds until the report of a silent process expires.
        static let reportLifetime = 30
        static let deadline: Duration = .seconds(2)
    }

    /// Interval between writes of a process.
    package static let period: Duration = .seconds(5)

    private let redis: RedisClient

    package init(redis: RedisClient) {
        self.redis = redis
    }

    /// Adds to the totals, and replaces the report of the process, if it has one.
    package func write(_ totals: Totals, _ report: ProcessReport? = nil) async throws {
        guard !totals.isEmpty || report != nil else { return }
        var arguments = [
            report?.identity ?? "", report?.text ?? "", String(Limits.reportLifetime),
            String(Limits.labelValues),
        ]
        for (place, number) in totals.numbers {
            arguments += [place.metric, place.value, place.part.text, String(number)]
        }
        _ = try await redis.evaluate(
            Self.writeScript, arguments: arguments.map { RedisArgument($0) }, deadline: .now + Limits.deadline
        )
    }

    /// Removes the report of a process that ends.
    package func remove(_ identity: String) async throws {
        _ = try await redis.send(
            ["HDEL", Self.reportsKey, RedisArgument(identity)], deadline: .now + Limits.deadline)
    }

    /// All totals and reports.
    package func read() async throws -> Contents {
        let replies = try await redis.pipeline(
            [["TIME"], ["HGETALL", Self.totalsKey], ["HGETALL", Self.reportsKey]],
            deadline: .now + Limits.deadline)
        for case .error(let error) in replies { throw error }
        let now = replies.first?.elements?.first?.integer ?? 0
        var totals = Totals()
        for (field, number) in Self.pairs(replies[1]) {
            guard let place = Totals.Place(field: field), let number = Int(number) else { continue }
            totals.add(number, at: place)
        }
        let reports = Self.pairs(replies[2]).compactMap { identity, text -> ProcessReport? in
            let parts = text.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let time = Int(parts[0]), time >= now - Limits.reportLifetime else {
                return nil
            }
            return ProcessReport(identity: identity, text: parts[1])
        }
        return Contents(totals: totals, reports: reports.sorted { $0.identity < $1.identity })
    }

    private static func pairs(_ reply: RedisReply) -> [(String, String)] {
        let texts = (reply.elements ?? []).map { $0.text ?? "" }
        return stride(from: 1, to: texts.count, by: 2).map { (texts[$0 - 1], texts[$0]) }
    }

    private static let totalsKey: RedisArgument = "multiconnect:totals"
    private static let reportsKey: RedisArgument = "multiconnect:reports"

    /// ARGV: identity and text of a report, its lifetime, the maximum number of label values; then metric,
    /// label value, part and number of each total.
    private static let writeScript = RedisScript(
        name: "write metrics",
        source: """
            local now = tonumber(redis.call('TIME')[1])
            if ARGV[1] ~= '' then
                redis.call('HSET', 'multiconnect:reports', ARGV[1], string.format('%d %s', now, ARGV[2]))
            end
            local reports = redis.call('HGETALL', 'multiconnect:reports')
            for i = 1, #reports, 2 do
                local time = tonumber(string.match(reports[i + 1], '^%d+'))
                if not time or time < now - tonumber(ARGV[3]) then
                    redis.call('HDEL', 'multiconnect:reports', reports[i])
                end
            end
            local function admitted(value)
                local key = 'multiconnect:label-values'
                if redis.call('SISMEMBER', key, value) == 1 then return value end
                if redis.call('SCARD', key) >= tonumber(ARGV[4]) then return 'other' end
                redis.call('SADD', key, value)
                return value
            end
            for i = 5, #ARGV, 4 do
                local field = ARGV[i] .. ' ' .. admitted(ARGV[i + 1]) .. ' ' .. ARGV[i + 2]
                redis.call('HINCRBY', 'multiconnect:totals', field, ARGV[i + 3])
            end
            return redis.status_reply('OK')
            """)
}

extension Totals.Place {
    /// Parses the name of a field in Redis. Nil for other names.
    fileprivate init?(field: String) {
        let words = field.split(separator: " ")
        guard words.count == 3, let part = Totals.Part(words[2]) else { return nil }
        self.init(metric: String(words[0]), value: String(words[1]), part: part)
    }
}
