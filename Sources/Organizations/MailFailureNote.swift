package import Jobs
package import Logging
package import Postgres

/// Says on the tenant that its admin was not mailed: nobody looks for a dead job.
package struct MailFailureNote: Sendable {
    static let event = "mail_failed"

    private let control: PostgresPool
    private let logger: Logger

    package init(control: PostgresPool, logger: Logger) {
        self.control = control
        self.logger = logger
    }

    /// Called after a job is marked dead or cancelled; jobs of other classes are ignored.
    package func note(_ job: JobRecord, _ error: any Error) async {
        guard job.className == OrganizationJob.sendConsentMail, let organization = job.organizationID else {
            return
        }
        let reason = "the admin was not mailed: \(error)"
        do {
            try await control.transaction { connection in
                try await OrganizationStore(on: connection).noteDetail(organization, reason)
                try await NotificationStore(on: connection).addOnce(
                    Self.event, organization: organization,
                    message:
                        "The admin was not mailed (\(error)). Correct the address "
                        + "(`multiconnect organizations address`), or send the link by hand.")
            }
        } catch {
            logger.warning("mail failure was not noted", metadata: ["error": "\(error)"])
        }
    }
}
