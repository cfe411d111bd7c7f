internal import Salesforce
internal import TenantSchema

/// Describes a mapping's object in its org and plans its table.
struct ObjectLookup: Sendable {
    let rest: RESTClient
    let resolver: NameResolver

    struct Result: Sendable {
        /// Nil if the org has no such object.
        var plan: TablePlan?
        var problems: [MappingProblem]

        var isUsable: Bool { plan != nil && !problems.contains { $0.isFatal } }
    }

    func plan(_ mapping: Mapping) async throws -> Result {
        try await plan(mapping.objectName, mapping.configuration)
    }

    func plan(_ object: String, _ configuration: MappingConfiguration) async throws -> Result {
        guard let describe = try await describe(object) else {
            return Result(
                plan: nil,
                problems: [
                    MappingProblem(
                        .unknownObject, name: object,
                        message: "the org has no object \(object), or the user may not see it")
                ])
        }
        var parents: [String: ObjectDescribe] = [:]
        for name in TablePlan.parents(of: describe, configuration, resolver).sorted() {
            parents[name] = try await self.describe(name)
        }
        let plan = TablePlan(describe, configuration, resolver: resolver, parents: parents)
        return Result(plan: plan, problems: plan.problems)
    }

    /// Nil if the org has no object with one of the candidate names.
    private func describe(_ name: String) async throws -> ObjectDescribe? {
        for candidate in resolver.candidates(name) {
            do {
                return try await rest.describe(candidate)
            } catch let error as SalesforceError where error.code == .notFound || error.code == .invalidType {
                continue
            }
        }
        return nil
    }
}
