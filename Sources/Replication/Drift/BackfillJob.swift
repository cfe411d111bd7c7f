package import FoundationEssentials
package import Jobs

/// The job that fills new columns of one mapping's table. Its argument is the mapping's id.
package enum BackfillJob {
    /// The job's class.
    package static let className = "BackfillColumns"

    /// The job for a mapping. At most one is open at a time.
    package static func job(for mapping: UUID, of organization: UUID) -> NewJob {
        let id = mapping.uuidString.lowercased()
        return NewJob(
            className, arguments: [id], organizationID: organization, uniqueKey: "backfill:\(id)")
    }
}
