package import FoundationEssentials

/// The facts about the process on the page of the system, from the composition root.
package struct SystemFacts: Sendable {
    /// The state of Redis.
    package enum RedisState: Sendable, Equatable {
        /// It answers. The text has its eviction policy.
        case answers(String)
        case failure(String)
    }

    /// The version of this program.
    let version: String
    let startedAt: Date
    /// Settings with their values. Secrets are `<redacted>`.
    let settings: [(name: String, value: String)]
    /// Asks Redis for a limited time.
    let redis: @Sendable () async -> RedisState

    package init(
        version: String, startedAt: Date, settings: [(name: String, value: String)],
        redis: @escaping @Sendable () async -> RedisState
    ) {
        self.version = version
        self.startedAt = startedAt
        self.settings = settings
        self.redis = redis
    }
}
