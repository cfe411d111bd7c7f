package import FoundationEssentials
package import Jobs

/// The job that removes one mapping. Its arguments are the mapping's id, the operator, and whether its
/// table is dropped.
package enum RemoveMappingJob {
    /// The job's class.
    package static let className = "RemoveMapping"

    package static func job(
        for mapping: UUID, of organization: UUID, dropsTable: Bool, by actor: String
    ) -> NewJob {
        let id = mapping.uuidString.lowercased()
        return NewJob(
            className, arguments: [id, actor, dropsTable], organizationID: organization,
            uniqueKey: "unmap:\(id)")
    }
}
