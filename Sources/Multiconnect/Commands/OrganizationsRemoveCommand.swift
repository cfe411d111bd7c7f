import ArgumentParser
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Postgres
import Reactor
import Replication
import Salesforce
import TenantAdmin

/// `multiconnect organizations remove`
struct OrganizationsRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Ends a tenant: its stream, its jobs and its grant. Keeps or deletes its data.",
        discussion: """
            Without --confirm it prints what would be done. Changes that are not sent to Salesforce yet \
            become failed. You can repeat the command: finished steps do not change. To start a tenant \
            again whose data was kept, install the package again. Exit status: 0 done; 64 not confirmed, or \
            invalid id; 66 no such tenant; 69 a database or Salesforce does not answer, or a table is \
            locked; 75 jobs of the tenant still run; 1 any other failure.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Flag(help: "Also drops the schema with all rows, and removes the tenant's records.") var deleteData =
        false
    @Option(help: "The org id once more, as a confirmation.") var confirm: String?
    @Flag(help: "Does not call Salesforce. The grant stays valid until an admin of the org revokes it.")
    var skipRevocation = false
    @Option(help: "The longest wait for running jobs, in seconds.") var wait = 60
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let tenant = try await session.organization(organization)
            guard let confirm else {
                try await printPlan(tenant, session)
                throw CommandFailure(
                    "nothing was done; repeat with --confirm \(tenant.organizationID)", code: 64)
            }
            guard (try? OrganizationID(confirm)) == tenant.organizationID else {
                throw CommandFailure(
                    "--confirm must be \(tenant.organizationID), not \(confirm.debugDescription)", code: 64)
            }
            try await remove(tenant, session)
        }
    }

    private func printPlan(_ tenant: Organization, _ session: JobsSession) async throws {
        let jobs = try await session.jobs.count(Self.open(tenant))
        let lines = [
            "\(tenant.organizationID)  \(tenant.status.rawValue)  \(JobsText.plain(tenant.name.text))",
            "  ends its stream, its polls and its writes, and cancels its jobs (\(jobs))",
            "  " + (try await unsent(tenant, session)),
            skipRevocation
                ? "  removes its tokens; the grant stays valid in the org"
                : "  revokes its grant at Salesforce and removes its tokens",
            "  ends the sessions of its role for BI tools and drops the role, if there is one",
            deleteData
                ? "  drops \(tenant.schemaName) in the cell \(tenant.cell), and removes its records"
                : "  keeps \(tenant.schemaName) in the cell \(tenant.cell)",
        ]
        print(lines.joined(separator: "\n"))
    }

    private func unsent(_ tenant: Organization, _ session: JobsSession) async throws -> String {
        do {
            let counts = try await session.withWrites(of: tenant) { store, access in
                try await store.counts(on: access.connection)
            }
            return "changes that Salesforce does not have: \(counts.values.reduce(0, +))"
        } catch let error as PostgresError
            where [.undefinedTable, .undefinedSchema].contains(error.sqlState)
        {
            return "it has no tables"
        }
    }

    private func remove(_ tenant: Organization, _ session: JobsSession) async throws {
        let removal = TenantRemoval(control: session.pool)
        let isChanged = try await removal.end(tenant, by: actor.name)
        print("\(tenant.organizationID) \(isChanged ? "has ended" : "had ended already")")
        let refused = try await session.withCell(tenant.cell) { try await removal.fence(tenant, on: $0) }
        if refused > 0 { print("changes that are not sent any more, and failed now: \(refused)") }
        let cancelled = try await session.jobs.performAll(.cancel, Self.open(tenant), by: actor.name)
        try await waitForJobs(of: tenant, removal, session)
        print("jobs cancelled: \(cancelled.changed)")
        try await removeReader(of: tenant, session)
        try await withdrawGrant(of: tenant, session)
        guard deleteData else { return print("\(tenant.schemaName) is kept") }
        do {
            try await session.withCell(tenant.cell) { try await removal.dropData(of: tenant, on: $0) }
        } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
            throw CommandFailure(
                "another session has locked a table of \(tenant.schemaName): end it and repeat the command",
                code: CommandFailure.unavailable)
        }
        print("\(tenant.schemaName) is dropped")
        try await removal.forget(tenant, by: actor.name)
        var filter = JobFilter()
        filter.organizationID = tenant.id
        _ = try await session.jobs.performAll(.delete, filter, by: actor.name)
        _ = try await session.jobs.resume(.tenant(tenant.id), by: actor.name)
        print("\(tenant.organizationID) is removed")
    }

    private static func open(_ tenant: Organization) -> JobFilter {
        var filter = JobFilter()
        filter.organizationID = tenant.id
        filter.states = JobAction.cancel.states
        return filter
    }

    /// A job that still runs could write to the tables.
    private func waitForJobs(
        of tenant: Organization, _ removal: TenantRemoval, _ session: JobsSession
    ) async throws {
        let deadline = ContinuousClock.now + .seconds(wait)
        while true {
            let running = try await removal.runningJobs(of: tenant)
            if running == 0 { return }
            guard .now < deadline else {
                throw CommandFailure(
                    "\(running) jobs of \(tenant.organizationID) still run: repeat the command later",
                    code: CommandFailure.temporary)
            }
            try StandardOutput.flushPrinted()
            try await Task.sleep(for: .milliseconds(300))
        }
    }

    /// Ends the sessions of BI tools first: they could lock the tables.
    private func removeReader(of tenant: Organization, _ session: JobsSession) async throws {
        try await session.pool.withConnection { try await ReaderLoginStore(on: $0).remove(tenant.id) }
        let store = ReaderRoleStore(tenant)
        switch try await session.withCell(tenant.cell, store.revoke(on:)) {
        case .absent: break
        case .removed: print("\(store.role) is dropped")
        case .notAllowed:
            print(
                "our role may not drop \(store.role). Have the database's owner run: "
                    + store.removals.map { $0 + ";" }.joined(separator: " "))
        }
    }

    private func withdrawGrant(of tenant: Organization, _ session: JobsSession) async throws {
        let launch = session.launch
        let services = try LoopServices(
            launch, budget: launch.budget(reserved: 0), usage: APIUsage(), tallies: JobTallies())
        defer { services.close() }
        let withdrawal = GrantWithdrawal(
            pool: session.pool, keys: launch.configuration.keyRing, oauth: services.oauth)
        guard !skipRevocation else {
            try await withdrawal.forget(tenant)
            return print("the tokens are removed; the grant is valid until an admin of the org revokes it")
        }
        do {
            switch try await withdrawal.run(for: tenant) {
            case .revoked: print("the grant is revoked")
            case .absent: print("there is no valid grant")
            }
        } catch let error as SalesforceError {
            throw CommandFailure(
                "the grant could not be revoked (\(error)): repeat the command, or give --skip-revocation",
                code: CommandFailure.unavailable)
        }
    }
}
