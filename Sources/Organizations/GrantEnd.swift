internal import FoundationEssentials
internal import Jobs
internal import Postgres

/// What the end of a grant means for a tenant: written in the transaction that marks the grant.
struct GrantEnd {
    /// Whether a rotated token was lost in a broken answer, and not the grant taken back by somebody.
    let lostToken: Bool
    /// Salesforce's words.
    let reason: String

    private var detail: String {
        lostToken
            ? "a rotated refresh token was lost when the connection to Salesforce broke"
            : "Salesforce no longer accepts the refresh token (\(reason)): revoked, expired, or package uninstalled"
    }

    func record(
        of organization: Organization, queue: JobQueue, on connection: PostgresConnection
    ) async throws -> EnqueuedJob {
        // A tenant that an operator has uninstalled stays so.
        _ = try await OrganizationStore(on: connection).trySetStatus(
            organization.id, to: .unauthorized, detail: detail)
        try await ConnectionStore(on: connection).setState(of: organization.id, to: .unauthorized)
        try await NotificationStore(on: connection).add(
            "unauthorized", organization: organization.id, message: "Sync has stopped: \(detail).")
        try await ActivityStore(on: connection).add(
            "grant_ended", by: "multiconnect", organization: organization.id, detail: detail)
        let job = OrganizationJob.mail(
            lostToken ? .lostToken : .unauthorized, organization: organization.id,
            to: organization.adminEmail,
            at: nil)
        return try await queue.enqueue(job, on: connection)
    }
}
