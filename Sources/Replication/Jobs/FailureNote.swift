internal import FoundationEssentials
package import Jobs
package import Logging
internal import Organizations
package import Postgres

/// Says on the tenant what ended one of its jobs for good: nobody looks for a dead job.
package struct FailureNote: Sendable {
    private let control: PostgresPool
    private let logger: Logger

    package init(control: PostgresPool, logger: Logger) {
        self.control = control
        self.logger = logger
    }

    /// Notes the death of a job that a tenant cannot become live without, whether its attempts, its time or its
    /// workers came to an end: the tenant becomes `failed` with the reason, and operators are notified.
    package func note(_ job: JobRecord, _ error: any Error) async {
        let classes = [
            OrganizationJob.provisionOrganization, Importer.className, OrganizationJob.announceConnection,
        ]
        guard let organization = job.organizationID, classes.contains(job.className) else { return }
        let reason = (error as? ReplicationError).map(\.debugDescription) ?? "\(error)"
        do {
            try await control.transaction { connection in
                try await OrganizationStore(on: connection).setStatus(
                    organization, to: .failed, detail: "\(job.className): \(reason)")
                try await NotificationStore(on: connection).add(
                    "job_failed", organization: organization,
                    message: "\(job.className) was given up: \(reason)")
            }
        } catch let second {
            // The tenant may be unauthorized by now, which says more than this would.
            logger.warning("a failure was not noted", metadata: ["error": "\(second)"])
        }
    }
}
