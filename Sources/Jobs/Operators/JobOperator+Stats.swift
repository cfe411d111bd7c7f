internal import Encoding
import FoundationEssentials
import Postgres
import Redis

extension JobOperator {
    /// How many jobs there are; some seconds old at most.
    package func census() async throws -> JobCensus {
        if let census = cache.current { return census }
        let census = try await pool.withConnection { try await counts.take(on: $0) }
        cache.keep(census)
        return census
    }

    /// Whether the rows can be asked, in time.
    package func answers(by deadline: ContinuousClock.Instant) async -> Bool {
        await pool.answers(by: deadline)
    }

    /// The worker processes that have not stopped, by name.
    package func workers() async throws -> [WorkerStatus] {
        try await pool.withConnection { try await WorkerStore(limits: limits).running(on: $0) }
    }

    /// Jobs that have been processed and that have failed, ever and today (UTC), as Sidekiq's pages count
    /// them; nil when Redis does not answer.
    package func totals() async -> JobTotals? {
        guard let redis = queue.index?.redis else { return nil }
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

/// Starts of jobs that have ended, as Sidekiq counts them: failed ones are processed too.
package struct JobTotals: Sendable, Equatable {
    /// Ever, as long as Redis remembers.
    package let processed: Int
    /// Of these, failed.
    package let failed: Int
    /// Today, in UTC.
    package let processedToday: Int
    /// Of these, failed.
    package let failedToday: Int
}
