internal import Activity
internal import Encoding
internal import FoundationEssentials
internal import Jobs
internal import Postgres
internal import Salesforce

/// The handler of `AnnounceConnection`: sends the org its connection id, then the tenant is live.
struct AnnounceJob: Sendable {
    let pool: PostgresPool
    let sessions: OrgSessions
    let app: AppIdentity
    let namespace: String?

    /// The package's Apex REST class that takes the connection id.
    static let className = "AuthConnection"
    /// Failures after which the tenant becomes live although its org did not get the connection id.
    static let maximumFailures = 5
    /// The pause before the job of a paused tenant starts again.
    static let pausedPause = Duration.seconds(60)

    func run(_ context: JobContext) async throws -> JobOutcome {
        let id = try context.organizationArgument()
        let organization = try await pool.withConnection { try await OrganizationStore(on: $0).get(id: id) }
        guard organization.status.mayBecome(.live) else { return .done }
        if organization.status == .paused { return .again(after: Self.pausedPause) }
        let note = try await announce(organization, failures: context.failures)
        // The detail names objects that could not be imported. The detail of a failed tenant is obsolete now.
        let detail = organization.status == .failed ? nil : organization.statusDetail
        try await pool.transaction { connection in
            let store = OrganizationStore(on: connection)
            // An operator may have paused the tenant in the meantime. A resume makes it live.
            let isPaused = try await store.lock(id: id)?.status == .paused
            if !isPaused, try await store.trySetStatus(id, to: .live, detail: detail) {
                try await ConnectionStore(on: connection).setState(of: id, to: .idle)
                // Without a detail all objects are imported.
                try await NotificationStore(on: connection).resolve(
                    [NotificationEvent.jobFailed, NotificationEvent.databaseUnsuitable]
                        + (detail == nil ? [NotificationEvent.mappingFailed] : []),
                    organization: id)
            }
            try await ConnectionStore(on: connection).markAnnounced(id)
            try await ActivityStore(on: connection).add(
                note.action, by: "multiconnect", organization: id, detail: note.detail)
            try await context.complete(on: connection)
        }
        return .completed
    }

    /// The activity to record.
    private struct Note {
        let action: String
        let detail: String?
    }

    /// Throws only errors that a retry may remove. All others are recorded and do not keep the tenant from
    /// going live.
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
            return Note(
                action: "announce_unavailable", detail: "the org has no Apex REST class \(Self.className)")
        } catch let error as SalesforceError where !error.isTransient || failures >= Self.maximumFailures {
            return Note(action: "announce_failed", detail: "\(error)")
        }
    }
}
