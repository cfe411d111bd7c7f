internal import Encoding
package import FoundationEssentials
import JobIndex
package import Jobs
import Postgres
import Redis

extension JobOperator {
    /// The numbers of jobs, at most some seconds old.
    ///
    /// - Parameter isBrief: whether few jobs are grouped by queue and class, for pages that show states.
    package func census(isBrief: Bool = false) async throws -> JobCensus {
        if let census = cache.current(isBrief: isBrief) { return census }
        let census = try await pool.withConnection { try await counts.take(isBrief: isBrief, on: $0) }
        cache.keep(census, isBrief: isBrief)
        return census
    }

    /// Whether Postgres answers in time.
    package func answers(by deadline: ContinuousClock.Instant) async -> Bool {
        await pool.answers(by: deadline)
    }

    /// The workers that have not stopped, by name.
    package func workers() async throws -> [WorkerStatus] {
        try await pool.withConnection { try await WorkerStore(limits: limits).running(on: $0) }
    }

    /// Asks a worker to claim no more jobs, or to end. Returns false if it has stopped or was asked already.
    package func ask(_ worker: String, _ request: WorkerRequest, by actor: String) async throws -> Bool {
        try await pool.transaction { connection in
            guard try await WorkerStore(limits: limits).ask(worker, request, on: connection) else {
                return false
            }
            try await activity.note("workers.\(request.rawValue)", by: actor, detail: worker, on: connection)
            return true
        }
    }

    /// The runs of the last 24 hours by class (Sidekiq's keys) and by queue; nil without Redis.
    package func pastRuns(at now: Date = Date()) async -> RunHistory? {
        guard let redis = index?.redis else { return nil }
        let perHour = 3_600 / RunHistoryKey.seconds
        let times = (0..<PastRuns.hourCount * perHour).reversed().map { place in
            now - Double(place * RunHistoryKey.seconds)
        }
        let keys = times.map { RunHistoryKey.name(at: $0) } + times.map { RunHistoryKey.queues(at: $0) }
        let commands = keys.map { ["HGETALL", RedisArgument($0)] as [RedisArgument] }
        guard let replies = try? await redis.pipeline(commands, deadline: .now + limits.script) else {
            return nil
        }
        var runs = RunHistory()
        for (number, reply) in replies.enumerated() {
            let texts = (reply.elements ?? []).map { $0.text ?? "" }
            let fields = stride(from: 0, to: texts.count - 1, by: 2).map {
                (name: texts[$0], count: Int(texts[$0 + 1]) ?? 0)
            }
            let hour = number % times.count / perHour
            if number < times.count {
                PastRuns.add(fields, in: hour, to: &runs.classes)
            } else {
                PastRuns.add(fields, in: hour, to: &runs.queues)
            }
        }
        return runs
    }

    /// The numbers of processed and failed jobs, from Sidekiq's keys; nil if Redis is unavailable.
    package func totals() async -> JobTotals? {
        guard let redis = index?.redis else { return nil }
        let day = CivilDay(Date()).description
        let keys = ["stat:processed", "stat:failed", "stat:processed:\(day)", "stat:failed:\(day)"]
        guard
            let reply = try? await redis.send(
                ["MGET"] + keys.map { RedisArgument($0) }, deadline: .now + limits.script),
            let values = reply.elements, values.count == keys.count
        else { return nil }
        let numbers = values.map { $0.integer ?? 0 }
        return JobTotals(
            processed: numbers[0], failed: numbers[1], processedToday: numbers[2], failedToday: numbers[3])
    }
}

/// Ended runs as Sidekiq counts them: failed runs are processed too.
package struct JobTotals: Sendable, Equatable {
    /// Since Redis last lost its memory.
    package let processed: Int
    /// Failed ones of these.
    package let failed: Int
    /// Today, in UTC.
    package let processedToday: Int
    /// Failed ones of these.
    package let failedToday: Int
}
