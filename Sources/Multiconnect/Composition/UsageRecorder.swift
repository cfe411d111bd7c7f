import Logging
import Organizations
import Postgres
import Reactor

/// Writes the orgs' API usage, as Salesforce reports it with each response, every few seconds.
struct UsageRecorder: Sendable {
    private static let period = Duration.seconds(5)

    let usage: APIUsage
    let pool: PostgresPool
    let logger: Logger

    /// Runs until the calling task is cancelled. Then it writes once more.
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
            logger.debug("could not record api usage, retrying later", metadata: ["error": "\(error)"])
        }
    }
}
