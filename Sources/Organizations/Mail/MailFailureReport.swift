internal import Activity
internal import FoundationEssentials
package import Jobs
package import Logging
package import Postgres

/// Shows on a tenant that its admin was not mailed, and notifies operators, because they do not look for dead
/// jobs.
package struct MailFailureReport: Sendable {
    private let control: PostgresPool
    private let logger: Logger

    package init(control: PostgresPool, logger: Logger) {
        self.control = control
        self.logger = logger
    }

    /// Called after a job is marked dead or cancelled; ignores jobs of other classes.
    package func report(_ job: JobRecord, _ error: any Error) async {
        guard job.className == OrganizationJob.sendConsentMail, let organization = job.organizationID else {
            return
        }
        do {
            try await control.transaction { try await report(organization, "\(error)", on: $0) }
        } catch {
            // `sweep` finds the job again.
            logger.warning("could not report mail failure", metadata: ["error": "\(error)"])
        }
    }

    /// Reports dead mail jobs whose worker died before it could. Returns how many.
    package func sweep() async throws -> Int {
        let failures = try await control.withConnection {
            try await MailFailureStore(on: $0).unreported()
        }
        for failure in failures {
            try await control.transaction {
                try await report(failure.organization, failure.error, on: $0)
            }
        }
        return failures.count
    }

    private func report(
        _ organization: UUID, _ error: String, on connection: PostgresConnection
    ) async throws {
        let isWaiting = try await OrganizationStore(on: connection).noteDetail(
            organization, "the admin was not mailed: \(error)")
        // After a consent no mail is needed, and no later consent would close the notification.
        guard isWaiting else { return }
        try await NotificationStore(on: connection).addOnce(
            NotificationEvent.mailFailed, organization: organization,
            message: "The admin was not mailed (\(error)). Correct the address "
                + "(`multiconnect organizations address`), or send the link by hand.")
    }
}
