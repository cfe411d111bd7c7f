internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import Salesforce

/// Whether the user who consented sees all records. Without View All Data, a missing record may only be
/// hidden.
struct ViewAllCheck: Sendable {
    let control: PostgresPool
    let organization: UUID

    /// True with View All Data. Nil if the rights cannot be read.
    func hasViewAll(_ rest: RESTClient) async throws -> Bool? {
        let user = try await control.withConnection {
            try await CredentialStore(on: $0).user(of: organization)
        }
        guard let user else { return nil }
        do {
            return try await rest.rights(of: user).granted.contains(.viewAllData)
        } catch let error as SalesforceError where !error.isTransient {
            return nil
        }
    }
}
