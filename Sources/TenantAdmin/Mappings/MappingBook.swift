import Encoding
package import Organizations
package import Replication
package import TenantSchema

/// A tenant's mappings as they are stored.
package struct MappingBook: Sendable {
    package let organization: Organization
    /// Sorted by object.
    package let mappings: [Mapping]
    /// The settings of the connection.
    package let settings: ConnectionSettings

    /// The mapping of an object, in any case.
    package func mapping(of object: String) -> Mapping? {
        mappings.first { $0.objectName.lowercased() == object.lowercased() }
    }

    /// The version that a change of an object is based on: empty for an object without a mapping.
    package func version(of object: String) -> String {
        mapping(of: object)?.configuration.version ?? ""
    }

    /// Heroku Connect's export format.
    package var file: MappingFile {
        MappingFile(
            mappings: mappings.map {
                MappingFile.Entry(objectName: $0.objectName, configuration: $0.configuration)
            },
            connection: .object([
                "organization_id": .string("\(organization.organizationID)"), "features": settings.features,
            ]))
    }

    /// The changes that a file means.
    package func changes(to file: MappingFile) -> [MappingChange] {
        let known = Dictionary(mappings.map { ($0.objectName, $0.configuration) }) { first, _ in first }
        return MappingChange.changes(from: known, to: file)
    }

    /// The objects of a file whose mappings are not those that the file is based on.
    ///
    /// - Parameter bases: versions by object in lower case.
    package func outdated(_ file: MappingFile, _ bases: [String: String]) -> [String] {
        file.mappings.map(\.objectName).filter { bases[$0.lowercased()] != version(of: $0) }
    }
}
