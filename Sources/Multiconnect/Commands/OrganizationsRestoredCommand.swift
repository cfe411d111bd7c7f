import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Organizations
import Replication

/// `multiconnect organizations restored`
struct OrganizationsRestoredCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restored",
        abstract: "Prepares a tenant after its cell was restored to an earlier time.",
        discussion: """
            Run it for each tenant of the cell before workers start. Changes that may have been sent after \
            the restored time are in doubt then: they are never sent again by themselves, and \
            `multiconnect writes` lists and resolves them. Platform events that may have been published \
            become failed; the output has the statements that list them and publish some again. All imported \
            mappings are read again. Exit status: 0 done; 64 wrong arguments; 66 no such tenant; 69 a \
            database does not answer; 1 any other failure.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Option(help: "The time to which the cell was restored, such as 2026-01-31T12:34:56Z.")
    var since: String
    @OptionGroup var actor: ActorOption

    func validate() throws { _ = try time() }

    private func time() throws -> Date {
        guard let milliseconds = ISO8601.instant(since) else {
            throw ValidationError("--since must be a time such as 2026-01-31T12:34:56Z, not '\(since)'")
        }
        let time = Date(timeIntervalSince1970: Double(milliseconds) / 1_000)
        guard time <= Date() else { throw ValidationError("--since is in the future") }
        return time
    }

    func run() async throws {
        let time = try time()
        try await JobsSession.open("organizations") { [self] session in
            let tenant = try await session.organization(organization)
            let report = try await session.withCell(tenant.cell) {
                try await TenantRestoration(control: session.pool).mark(
                    tenant, since: time, by: actor.name, on: $0)
            }
            print("changes in doubt: \(report.inDoubt)")
            print("requests in doubt: \(report.attempts)")
            if report.events > 0 {
                let statements = TenantRestoration.eventStatements(schema: tenant.schemaName)
                print(
                    "platform events that may have been published, now failed: \(report.events)\n"
                        + "    list them:          \(statements[0])\n"
                        + "    publish some again: \(statements[1])")
            }
            if report.requeued > 0 { print("changes to be sent again, now failed: \(report.requeued)") }
            let reloads = try await TenantPause(control: session.pool, queue: session.queue).reload(
                try await session.mappings(of: tenant.id), in: tenant.id, by: actor.name)
            for (mapping, job) in reloads {
                print(
                    "\(mapping.objectName): \(job.isNew ? "reload queued" : "reload already queued"), "
                        + "job \(job.id)")
            }
            if report.inDoubt + report.attempts > 0 {
                print("see multiconnect writes list \(tenant.organizationID) --in-doubt")
            }
        }
    }
}
