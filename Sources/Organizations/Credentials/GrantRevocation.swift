internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Postgres

/// Records that a tenant's grant is revoked, in the transaction that marks the grant.
struct GrantRevocation {
    /// True if a rotated token was lost with a broken answer; false if the grant was revoked in the org.
    let lostToken: Bool
    /// Salesforce's error text.
    let reason: String

    private var detail: String {
        lostToken
            ? "a rotated refresh token was lost when the connection to Salesforce broke"
            : "Salesforce no longer accepts the refresh token (\(reason)): "
                + "revoked, expired, or package uninstalled"
    }

    /// Returns the mail job to push.
    func record(
        of organization: Organization, queue: JobQueue, on connection: PostgresConnection
    ) async throws -> EnqueuedJob {
        // An uninstalled tenant stays uninstalled.
        _ = try await OrganizationStore(on: connection).trySetStatus(
            organization.id, to: .unauthorized, detail: detail)
        try await ConnectionStore(on: connection).setState(of: organization.id, to: .unauthorized)
        try await NotificationStore(on: connection).add(
            NotificationEvent.unauthorized, organization: organization.id,
            message: "Sync has stopped: \(detail).")
        try await ActivityStore(on: connection).add(
            "grant_ended", by: "multiconnect", organization: organization.id, detail: detail)
        let job = OrganizationJob.mail(
            lostToken ? .lostToken : .unauthorized, organization: organization.id,
            to: organization.adminEmail,
            at: nil)
        return try await queue.enqueue(job, on: connection)
    }
}
