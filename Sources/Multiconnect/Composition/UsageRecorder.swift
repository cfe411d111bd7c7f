import Logging
import Organizations
import Postgres
import Reactor

/// Writes what answers told of the orgs' API quotas, every few seconds.
struct UsageRecorder: Sendable {
    static let period = Duration.seconds(5)

    let usage: APIUsage
    let pool: PostgresPool
    let logger: Logger

    /// Runs until the calling task is cancelled, and writes a last time then.
    func run() async {
        while !Task.isCancelled {
            try? await EventLoop.current.sleep(for: Self.period)
            await flush()
        }
    }

    func flush() async {
        do {
            try await usage.flush(to: pool)
        } catch {
            logger.debug("the quotas are not recorded", metadata: ["error": "\(error)"])
        }
    }
}
