internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres

/// Says on the tenant what ended its provisioning or import for good: nobody looks for a dead job.
struct FailureNote: Sendable {
    private let site: ReplicationSite

    init(_ site: ReplicationSite) {
        self.site = site
    }

    /// Runs a job; when its last attempt fails, the tenant becomes `failed` with the reason, and operators are notified.
    func noting(
        _ context: JobContext, _ run: () async throws -> JobOutcome
    ) async throws -> JobOutcome {
        do {
            return try await run()
        } catch {
            if isFinal(error, context), let organization = context.organizationID {
                await note(error, context.className, organization)
            }
            throw error
        }
    }

    private func isFinal(_ error: any Error, _ context: JobContext) -> Bool {
        if error is CancellationError { return false }
        if let error = error as? JobsError, error.code == .claimLost || error.code == .cancelled {
            return false
        }
        return context.failures + 1 >= context.maximumAttempts
    }

    private func note(_ error: any Error, _ className: String, _ organization: UUID) async {
        do {
            try await site.control.transaction { connection in
                try await OrganizationStore(on: connection).setStatus(
                    organization, to: .failed, detail: "\(className): \(error)")
                try await NotificationStore(on: connection).add(
                    "job_failed", organization: organization,
                    message: "\(className) was given up: \(error)")
            }
        } catch let second {
            // The tenant may be unauthorized by now, which says more than this would.
            site.logger.warning("a failure was not noted", metadata: ["error": "\(second)"])
        }
    }
}
