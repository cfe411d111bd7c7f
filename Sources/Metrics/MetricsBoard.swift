package import Redis

/// Where all processes write what they count, and any of them reads it: Redis. Only web has a port where somebody may
/// ask, and workers come and go; totals that are kept outside of them outlive both. They last as long as Redis'
/// memory does: what begins again from zero is nothing new to Prometheus.
///
/// What a process has counted since it last wrote is lost when it is killed, and counted twice when Redis' answer is
/// lost on its way.
package struct MetricsBoard: Sendable {
    /// What is written there.
    package struct Contents: Sendable, Equatable {
        package let totals: Totals
        /// Of the processes that have written lately, by identity.
        package let reports: [ProcessReport]
    }

    enum Limits {
        /// Values of labels, over all metrics: some classes of jobs and a few more. Another client of Redis may make
        /// up any number of classes; those beyond are counted together, as `other`.
        static let labelValues = 200
        /// How long a process that writes no more is shown, in seconds.
        static let reportLifetime = 30
        static let deadline: Duration = .seconds(2)
    }

    /// How often a process writes.
    package static let period: Duration = .seconds(5)

    private let redis: RedisClient

    package init(redis: RedisClient) {
        self.redis = redis
    }

    /// Adds to the totals, and replaces the process' report, if it has one.
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

    /// A process ends: its report goes.
    package func remove(_ identity: String) async throws {
        _ = try await redis.send(
            ["HDEL", Self.reportsKey, RedisArgument(identity)], deadline: .now + Limits.deadline)
    }

    /// All that is there.
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

    /// ARGV: identity and text of a report, how long one stays, how many values of labels there may be; then metric,
    /// label's value, part and number of each total.
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
    /// A place as Redis' field names it; nil for what is none.
    fileprivate init?(field: String) {
        let words = field.split(separator: " ")
        guard words.count == 3, let part = Totals.Part(words[2]) else { return nil }
        self.init(metric: String(words[0]), value: String(words[1]), part: part)
    }
}
