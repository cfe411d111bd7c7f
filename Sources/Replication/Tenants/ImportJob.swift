internal import FoundationEssentials
package import Jobs

/// The job that fills one mapping's table for the first time. Its argument is the mapping's id.
package enum ImportJob {
    /// The job's class.
    package static let className = "ImportMapping"
    /// A job's unique key is this and the mapping's id.
    static let keyPrefix = "import:"

    /// The job for a mapping. At most one is open at a time.
    package static func job(for mapping: Mapping) -> NewJob {
        let id = mapping.id.uuidString.lowercased()
        return NewJob(
            className, arguments: [id], organizationID: mapping.organizationID, uniqueKey: keyPrefix + id)
    }
}
