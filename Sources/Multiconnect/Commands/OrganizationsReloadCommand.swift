import ArgumentParser
import FoundationEssentials
import Jobs
import Organizations
import Replication

/// Whether a command waits for the reloads that it has queued.
struct ReloadOptions: ParsableArguments {
    @Flag(help: "Wait until the reloads have ended, and show their progress on a terminal.") var wait = false
    @Option(help: ArgumentHelp("With --wait: the longest wait.", valueName: "seconds")) var timeout = 3_600

    func validate() throws {
        guard timeout > 0 else { throw ValidationError("--timeout must be positive") }
    }

    /// Queues a reload of each imported mapping, prints them, and waits if that was asked for.
    func reload(
        _ mappings: [MappingSummary], of organization: Organization, _ session: JobsSession, by actor: String
    ) async throws {
        let reloads = try await TenantPause(control: session.pool, queue: session.queue).reload(
            mappings, in: organization.id, by: actor)
        let stopped = mappings.filter { $0.isImported && !$0.canReload }.map {
            "\($0.objectName) is not reloaded: \($0.detail ?? "its state is ERROR")"
        }
        guard !reloads.isEmpty else {
            throw CommandFailure(
                stopped.isEmpty ? "nothing is imported yet" : stopped.joined(separator: "; "),
                code: CommandFailure.dataError)
        }
        for line in stopped { print(line) }
        for (mapping, job) in reloads {
            print(
                "\(mapping.objectName): \(job.isNew ? "reload queued" : "reload already queued"), "
                    + "job \(job.id)")
            if organization.status != .paused, mapping.pausedAt != nil {
                print(
                    "  it begins after `multiconnect mappings resume \(organization.organizationID) "
                        + "\(mapping.objectName)`")
            }
        }
        if organization.status == .paused {
            let id = organization.organizationID
            print("\(id) is paused: reloads begin after `multiconnect organizations resume \(id)`")
        }
        guard wait else { return }
        try await ReloadWait(session: session, seconds: timeout).run(
            reloads.map { (mapping: $0.mapping, job: $0.job.id) })
    }
}

/// `multiconnect organizations reload`
struct OrganizationsReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Reads all rows of all imported objects of a tenant again and merges them into the tables.",
        discussion: """
            The tables are not emptied. `mappings reload` does it for one object. Exit status: 0 queued, or \
            with --wait all reloads are done; 1 a reload failed; 64 wrong arguments; 65 nothing can be \
            reloaded; 66 no such tenant; 69 a database does not answer; 75 --timeout is over.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var options: ReloadOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let tenant = try await session.organization(organization)
            try await options.reload(
                try await session.mappings(of: tenant.id), of: tenant, session, by: actor.name)
        }
    }
}
