internal import Activity
internal import FoundationEssentials
internal import Postgres

/// Finds mail jobs that are dead without a notification.
struct MailFailureStore {
    /// A tenant whose last mail job is dead or cancelled.
    struct Failure: Sendable {
        let organization: UUID
        /// The job's last error.
        let error: String
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Tenants that wait for an admin who was not mailed, and whose operators were not notified of it.
    func unreported() async throws -> [Failure] {
        let waiting: [OrganizationStatus] = [.registered, .unauthorized]
        let rows = try await connection.query(
            """
            select j.organization_id, coalesce(j.error_message, 'the job was ' || j.state) as error
            from multiconnect.jobs as j
            join multiconnect.organizations as o on o.id = j.organization_id
            where j.aside in ('dead', 'cancelled') and j.class = \(OrganizationJob.sendConsentMail)
                and j.finished_at > now() - \(OrganizationsLimits.mailFailureMemory)
                and o.status = any(\(waiting.map(\.rawValue))::text[])
                and not exists (
                    select from multiconnect.jobs as later
                    where later.organization_id = j.organization_id and later.class = j.class
                        and later.created_at > j.created_at)
                and not \(NotificationStore.exists(
                    NotificationEvent.mailFailed, organization: "j.organization_id", since: "j.finished_at"))
            order by j.finished_at limit \(OrganizationsLimits.sweptMailFailures)
            """)
        return try rows.map { Failure(organization: try $0["organization_id"], error: try $0["error"]) }
    }
}
