import Logging

/// Logs the begin and the end of an outage, but not every failed try.
struct Outage {
    private let begun: Logger.Message
    private let ended: Logger.Message
    private var start: ContinuousClock.Instant?

    init(_ begun: Logger.Message, until ended: Logger.Message) {
        self.begun = begun
        self.ended = ended
    }

    /// A try failed. A cancellation is no outage.
    mutating func begin(_ error: any Error, _ logger: Logger) {
        guard start == nil, !Task.isCancelled else { return }
        start = .now
        logger.warning(begun, metadata: ["error": "\(error)"])
    }

    /// A try succeeded.
    mutating func finish(_ logger: Logger) {
        guard let start else { return }
        self.start = nil
        logger.notice(ended, metadata: ["after": "\((ContinuousClock.now - start).components.seconds) s"])
    }
}
