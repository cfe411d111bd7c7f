package import FoundationEssentials
package import Jobs

/// The job that applies a mapping file to one tenant. Its argument is the id of the import.
package enum MappingImportJob {
    /// The job's class.
    package static let className = "ImportMappings"

    /// The job for an import. The imports of a tenant run one after the other.
    package static func job(for mappingImport: UUID, of organization: UUID) -> NewJob {
        let id = mappingImport.uuidString.lowercased()
        return NewJob(
            className, arguments: [id], organizationID: organization, uniqueKey: "mappings:\(id)")
    }
}
