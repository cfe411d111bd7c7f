package import FoundationEssentials
package import Jobs

/// The job that reads all rows of a mapping again and merges them into its table. Its argument is the
/// mapping's id.
package enum ReloadJob {
    /// The job's class.
    package static let className = "ReloadMapping"
    /// A job's unique key is this and the mapping's id.
    package static let keyPrefix = "reload:"
    /// The event type of the notification that a reload was given up.
    static let failureEvent = "reload_failed"

    /// The job for a mapping. At most one is open at a time.
    package static func job(for mappingID: UUID, organizationID: UUID) -> NewJob {
        let id = mappingID.uuidString.lowercased()
        return NewJob(
            className, arguments: [id], organizationID: organizationID, uniqueKey: keyPrefix + id)
    }
}
