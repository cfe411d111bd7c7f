package import FoundationEssentials
package import Jobs

/// The job that applies a mapping file to one tenant. Its first argument is the id of the import, the second
/// one, if there is one, the versions of the mappings that the file is based on.
package enum MappingImportJob {
    /// The job's class.
    package static let className = "ImportMappings"

    /// The job for an import. The imports of a tenant run one after the other.
    ///
    /// - Parameter bases: `MappingConfiguration.version` by object in lower case, empty for a new mapping. A
    ///   mapping that has another version by then is not changed.
    package static func job(
        for mappingImport: UUID, of organization: UUID, bases: [String: String] = [:]
    ) -> NewJob {
        let id = mappingImport.uuidString.lowercased()
        return NewJob(
            className, arguments: bases.isEmpty ? [id] : [id, bases], organizationID: organization,
            uniqueKey: "mappings:\(id)")
    }
}
