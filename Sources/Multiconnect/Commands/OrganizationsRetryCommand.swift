import ArgumentParser
import JobAdmin
import Jobs
import Replication

/// `multiconnect organizations retry`
struct OrganizationsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Restarts the failed provisioning or failed imports of a tenant.",
        discussion: """
            Finished and running steps do not change, so you can repeat the command. Exit status: 0 done, \
            or nothing to do; 64 invalid id; 65 the tenant's status does not allow it; 66 no such tenant; \
            69 the database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let id = try await session.tenant(organization)
            guard let retry = try await session.recovery.retry(id, by: actor.name) else {
                throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
            }
            guard retry.isAllowed else {
                throw CommandFailure(Self.refusal(organization, retry.status), code: CommandFailure.dataError)
            }
            guard !retry.steps.isEmpty else {
                return print(
                    "\(organization) is \(retry.status): there is nothing to retry; its tables are "
                        + "checked for dropped columns")
            }
            for step in retry.steps {
                print("\(step.name): \(try await begin(step, session)), job \(step.job)")
            }
            print("\(organization) is \(retry.status)")
        }
    }

    /// Runs a job now if it waits for its next attempt.
    private func begin(_ step: TenantRetry.Step, _ session: JobsSession) async throws -> String {
        if step.isNew { return "queued" }
        switch try await session.jobs.perform(.retry, on: step.job, by: actor.name) {
        case .done: return "queued now"
        case .refused(let state): return "already \(state.rawValue)"
        case .requested, .unknown, .conflict: return "already running"
        }
    }

    private static func refusal(_ organization: String, _ status: String) -> String {
        switch status {
        case "paused": "\(organization) is paused: run `multiconnect organizations resume` first"
        case "uninstalled": "\(organization) is uninstalled: install the package again"
        default:
            "\(organization) is \(status): an admin of the org must consent first (/authenticate)"
        }
    }
}
