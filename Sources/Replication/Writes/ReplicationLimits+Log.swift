/// The named maxima of the log of users' changes.
extension ReplicationLimits {
    /// Entries of the archive, and refused entries of the log, are kept for this time: Heroku Connect's.
    package static let logRetention = Duration.seconds(31 * 24 * 60 * 60)
    /// A sent entry stays in the log for this time at least. Events that are older than it arrive until then.
    static let sentEntryAge = Duration.seconds(2 * 60)
}
