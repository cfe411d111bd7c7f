import Logging

/// Says once that something has ceased to work, and once that it works again: operators read the log of a worker,
/// which has no port to ask, and a line for each try would hide the others.
struct Outage {
    private let beginning: Logger.Message
    private let end: Logger.Message
    private var start: ContinuousClock.Instant?

    /// - Parameters:
    ///   - beginning: what has ceased.
    ///   - end: what is as it was.
    init(_ beginning: Logger.Message, until end: Logger.Message) {
        self.beginning = beginning
        self.end = end
    }

    /// It does not work. A stop is no outage.
    mutating func begin(_ error: any Error, _ logger: Logger) {
        guard start == nil, !Task.isCancelled else { return }
        start = .now
        logger.warning(beginning, metadata: ["error": "\(error)"])
    }

    /// It works.
    mutating func finish(_ logger: Logger) {
        guard let begun = start else { return }
        start = nil
        logger.notice(end, metadata: ["after": "\((ContinuousClock.now - begun).components.seconds) s"])
    }
}
