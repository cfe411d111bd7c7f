import ArgumentParser
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Postgres
import Replication

/// `multiconnect organizations pause`
struct OrganizationsPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pauses the sync of a tenant: no streaming, no polls, no imports.",
        discussion: """
            Local changes are captured during the pause. Exit status: 0 paused; 64 invalid id; 65 the \
            tenant's status does not allow it; 66 no such tenant; 69 a database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            try await session.pause(organization, by: actor.name)
        }
    }
}

/// `multiconnect organizations resume`
struct OrganizationsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Ends a tenant's pause. The sync continues where it stopped.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            try await session.resume(organization, by: actor.name)
        }
    }
}

extension JobsSession {
    /// Pauses a tenant and interrupts its running imports.
    func pause(_ name: String, by actor: String) async throws {
        let organization = try await organization(name)
        switch try await TenantPause(control: pool, queue: queue).pause(organization.id, by: actor) {
        case .changed: print("\(organization.organizationID) is paused")
        case .unchanged: print("\(organization.organizationID) was already paused")
        case .refused(let status): throw Self.refusal(of: organization, status)
        case .unknown: throw Self.unknown(name)
        }
        try await interruptImports(of: try await mappings(of: organization.id), in: organization)
    }

    /// Ends a tenant's pause.
    func resume(_ name: String, by actor: String) async throws {
        let organization = try await organization(name)
        switch try await TenantPause(control: pool, queue: queue).resume(organization.id, by: actor) {
        case .changed:
            let status = try await self.organization(name).status
            print("\(organization.organizationID) is resumed: \(status.rawValue)")
            try await startWaitingJobs(of: organization.id, by: actor)
        case .unchanged: print("\(organization.organizationID) is not paused")
        case .refused(let status): throw Self.refusal(of: organization, status)
        case .unknown: throw Self.unknown(name)
        }
    }

    /// Ends running imports and reloads. Their jobs start again after the pause.
    func interruptImports(of mappings: [MappingSummary], in organization: Organization) async throws {
        try await withCell(organization.cell) {
            try await TenantPause.interruptImports(of: mappings, on: $0)
        }
    }

    /// Runs the scheduled jobs of a tenant now, because they may have waited for the end of a pause.
    ///
    /// - Parameter mapping: only the jobs of this mapping.
    func startWaitingJobs(of organization: UUID, mapping: UUID? = nil, by actor: String) async throws {
        var filter = JobFilter()
        filter.organizationID = organization
        filter.states = [.scheduled]
        filter.arguments = mapping?.uuidString.lowercased()
        _ = try await jobs.performAll(.retry, filter, by: actor)
    }

    func mappings(of organization: UUID) async throws -> [MappingSummary] {
        try await pool.withConnection { try await MappingPauseStore().summaries(of: organization, on: $0) }
    }

    /// The tenant with this org id or UUID.
    func organization(_ name: String) async throws -> Organization {
        let id = try await tenant(name)
        guard let found = try await pool.withConnection({ try await OrganizationStore(on: $0).find(id: id) })
        else { throw Self.unknown(name) }
        return found
    }

    private static func refusal(of organization: Organization, _ status: String) -> CommandFailure {
        CommandFailure(
            "\(organization.organizationID) is \(status): "
                + "only importing, live and failed tenants can be paused",
            code: CommandFailure.dataError)
    }

    private static func unknown(_ name: String) -> CommandFailure {
        CommandFailure("there is no tenant \(name)", code: CommandFailure.noInput)
    }
}
