package import FoundationEssentials
package import Replication

/// A tenant's synchronization, as its cell knows it.
package struct CellReport: Sendable {
    /// By mapping. Mappings that are not imported are missing.
    package let readings: [UUID: MappingReading]
    /// Nil before the first worker reads the tenant's changes.
    package let stream: Stream?
    /// The longest time from a commit in Salesforce to its application, of the last minutes, in seconds.
    package let lag: Double?
    /// The worker that reads the tenant's changes; nil if there is none.
    package let worker: String?
    /// Users' changes by status, without written and ignored ones. Counting stops at
    /// `ReplicationLimits.countedBacklog` per state of the log.
    package let counts: [LocalWrite.Status: Int]
    /// The newest of these changes.
    package let writes: [LocalWrite]

    /// The stream of change events.
    package struct Stream: Sendable, Equatable {
        /// `connecting`, `connected`, `polling` or `refused`.
        package let state: String
        /// Delivered events of 24 hours, of all subscribers of the org.
        package let deliveredUsed: Int?
        package let deliveredMaximum: Int?
        /// When this state was stored, with the org's last answer about delivered events.
        package let reportedAt: Date
        package let lastEventAt: Date?
        package let lastError: String?
    }
}

/// The answer of a tenant's cell to a page.
package enum CellAnswer: Sendable {
    case report(CellReport)
    /// The tenant's schema is not created yet.
    case noSchema
    /// It did not answer in time, or failed.
    case failure(String)
}
