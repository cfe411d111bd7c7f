internal import Salesforce

/// Has the org check a mapping's row filter.
struct FilterCheck: Sendable {
    let rest: RESTClient

    /// Throws `.invalidFilter` with Salesforce's message.
    func check(_ filter: String, of object: String) async throws {
        do {
            _ = try await rest.query(SOQL.select(["Id"], from: object).where(.raw(filter)).limit(1))
        } catch let error as SalesforceError where Self.refusals.contains(error.code) {
            throw ReplicationError(
                .invalidFilter, "\(object): Salesforce refuses the row filter \(filter): \(error.message)")
        }
    }

    private static let refusals: Set<SalesforceError.Code> = [
        .malformedQuery, .invalidField, .invalidType, .malformedID, .rejected,
    ]
}
