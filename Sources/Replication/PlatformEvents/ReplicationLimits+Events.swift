extension ReplicationLimits {
    /// How long published, failed and received platform events stay in a tenant's tables.
    package static let eventLogRetention = Duration.seconds(30 * 86_400)
    /// Attempts to publish an event.
    static let publishAttempts = 20
    static let publishDeadline = Duration.seconds(60)
    /// The payload of an event: Salesforce takes 1 MB.
    package static let eventPayloadBytes = 1_000_000
    /// Interval between looks at events to publish, with and without recent ones.
    static let activeEventPoll = Duration.seconds(2)
    static let idleEventPoll = Duration.seconds(30)
    /// The same for a tenant that has never published: NOTIFY announces its first event.
    static let unusedEventPoll = Duration.seconds(600)
    static let eventPruning = Duration.seconds(3_600)
}
