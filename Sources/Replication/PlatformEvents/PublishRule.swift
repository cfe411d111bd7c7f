internal import Salesforce

/// Decides what follows the result of an event that was sent.
enum PublishRule {
    /// Errors of one event that pass. Source: Platform Events Developer Guide, "Platform Event Error Status
    /// Codes".
    private static let passing: Set<String> = [
        "LIMIT_EXCEEDED", "PLATFORM_EVENT_PUBLISHING_UNAVAILABLE", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION",
        "UNABLE_TO_LOCK_ROW",
    ]

    static func end(_ result: PublishResult, attempts: Int) -> PlatformEventStore.End {
        guard let error = result.error else { return .published(uuid: result.uuid) }
        let text = "\(error.code): \(error.message)"
        guard passing.contains(error.code), attempts < ReplicationLimits.publishAttempts else {
            return .failed(error: text)
        }
        return .postponed(pause(attempts), error: text)
    }

    /// After a request that was refused as a whole, or has no answer.
    static func end(_ error: SalesforceError, attempts: Int) -> PlatformEventStore.End {
        // Without an answer the events may be published, and are published again.
        let isRetried = error.isDoubtful || error.isTransient
        guard isRetried, attempts < ReplicationLimits.publishAttempts else {
            return .failed(error: error.description)
        }
        let prefix = error.isDoubtful ? "no answer, so it may be published twice: " : ""
        return .postponed(pause(attempts), error: prefix + error.description)
    }

    private static func pause(_ attempts: Int) -> Duration { .seconds(1 << min(max(attempts, 1), 10)) }
}
