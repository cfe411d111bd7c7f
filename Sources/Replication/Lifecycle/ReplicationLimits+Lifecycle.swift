extension ReplicationLimits {
    /// How long the drop of a tenant's schema waits for other sessions' locks. Readers wait behind it.
    static let removalLockTimeout = Duration.seconds(5)
}
