package import Salesforce
package import TenantSchema

/// Compares new settings of a mapping with its org.
package struct MappingCheck: Sendable {
    private let lookup: ObjectLookup

    package init(rest: RESTClient, resolver: NameResolver) {
        lookup = ObjectLookup(rest: rest, resolver: resolver)
    }

    /// The problems that are new with these settings: a field that the org does not have, or a unique
    /// identifier that Salesforce does not accept as one. Empty if they change neither.
    ///
    /// - Parameter old: the former settings; nil for a new mapping.
    package func problems(
        of entry: MappingFile.Entry, replacing old: MappingConfiguration?
    ) async throws -> [MappingProblem] {
        let new = entry.configuration
        if let old, old.fields == new.fields, old.upsertField == new.upsertField { return [] }
        let found = try await lookup.plan(entry.objectName, new)
        return new.refused(found.problems, replacing: old)
    }
}
