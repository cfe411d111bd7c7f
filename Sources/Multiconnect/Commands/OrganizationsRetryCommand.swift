import ArgumentParser
import Jobs
import Replication

/// `multiconnect organizations retry`
struct OrganizationsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Begins anew what was given up for a tenant: its provisioning, or imports of objects.",
        discussion: """
            What is done or under way stays as it is, so the command may be repeated. Exit status: 0 done, \
            or nothing to do; 64 not an organization's id; 65 the tenant's status does not allow it; 66 no \
            such tenant; 69 the database does not answer.
            """)

    @Argument(help: "The org's id (15 or 18 characters), or the tenant's own id.") var organization: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsDesk.open("organizations") { [self] desk in
            let id = try await desk.tenant(organization)
            guard let retry = try await desk.recovery.retry(id, by: actor.name) else {
                throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
            }
            guard retry.isAllowed else {
                throw CommandFailure(Self.refusal(organization, retry.status), code: CommandFailure.dataError)
            }
            guard !retry.steps.isEmpty else {
                return print("\(organization) is \(retry.status); there is nothing to retry")
            }
            for step in retry.steps { print("\(step.name): \(try await begin(step, desk)), job \(step.job)") }
            print("\(organization) is \(retry.status)")
        }
    }

    /// A job that waits for its next attempt does not wait any longer.
    private func begin(_ step: TenantRetry.Step, _ desk: JobsDesk) async throws -> String {
        if step.isNew { return "queued" }
        switch try await desk.jobs.perform(.retry, on: step.job, by: actor.name) {
        case .done: return "queued now"
        case .refused(let state): return "\(state.rawValue) already"
        case .requested, .unknown, .conflict: return "under way already"
        }
    }

    private static func refusal(_ organization: String, _ status: String) -> String {
        switch status {
        case "paused": "\(organization) is paused: resume it first"
        case "uninstalled": "\(organization) is uninstalled: its package must register again"
        default:
            "\(organization) is \(status): an admin of the org must consent (/authenticate) first"
        }
    }
}
