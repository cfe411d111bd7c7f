internal import Encoding
internal import FoundationEssentials
internal import Jobs
internal import Postgres
internal import Salesforce

/// The handler of `AnnounceConnection`: tells the org of its connection, after which the tenant is live.
struct AnnounceJob: Sendable {
    let pool: PostgresPool
    let sessions: OrgSessions
    let app: AppIdentity
    let namespace: String?

    /// The Apex class of the package that takes the news.
    static let className = "AuthConnection"
    /// Failures after which the tenant becomes live without its org knowing.
    static let patience = 5

    func run(_ context: JobContext) async throws -> JobOutcome {
        let id = try context.organizationArgument()
        let organization = try await pool.withConnection { try await OrganizationStore(on: $0).get(id: id) }
        guard organization.status.mayBecome(.live) else { return .done }
        let note = try await announce(organization, failures: context.failures)
        // An object that could not be imported is named there. What made the whole tenant fail is over now.
        let detail = organization.status == .failed ? nil : organization.statusDetail
        try await pool.transaction { connection in
            if try await OrganizationStore(on: connection).trySetStatus(id, to: .live, detail: detail) {
                try await ConnectionStore(on: connection).setState(of: id, to: .idle)
                // Without a detail no object is missing.
                try await NotificationStore(on: connection).resolve(
                    ["job_failed", "database_unsuitable"] + (detail == nil ? ["mapping_failed"] : []),
                    organization: id)
            }
            try await ConnectionStore(on: connection).markAnnounced(id)
            try await ActivityStore(on: connection).add(
                note.action, by: "multiconnect", organization: id, detail: note.detail)
            try await context.complete(on: connection)
        }
        return .completed
    }

    private struct Note {
        let action: String
        let detail: String?
    }

    /// What the org cannot hear is noted and keeps no tenant from going live; what may pass is tried again
    /// first.
    private func announce(_ organization: Organization, failures: Int) async throws -> Note {
        let body = JSONValue.object([
            "connectionId": .string(organization.connectionID.uuidString.lowercased()),
            "authorizeUrl": .string(
                ConsentLink.url(
                    appURL: app.url, organization: organization.organizationID,
                    environment: organization.environment)),
        ])
        do {
            _ = try await sessions.rest(for: organization.id).apexREST(
                Self.className, namespace: namespace, body: body)
            return Note(action: "announced", detail: nil)
        } catch let error as SalesforceError where error.code == .notFound {
            return Note(action: "announce_unavailable", detail: "the org has no class \(Self.className)")
        } catch let error as SalesforceError where !error.isTransient || failures >= Self.patience {
            return Note(action: "announce_failed", detail: "\(error)")
        }
    }
}
