import ArgumentParser
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Replication
import TenantAdmin
import TenantSchema

/// `multiconnect mappings`
struct MappingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mappings",
        abstract: "Lists, changes, pauses, resumes, reloads and removes the mappings of a tenant.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the tenant's or mapping's state does not allow it; \
            66 no such tenant or mapping; 69 a database does not answer; 1 any other failure.
            """,
        subcommands: [
            MappingsListCommand.self, MappingsShowCommand.self, MappingsSetCommand.self,
            MappingsPauseCommand.self, MappingsResumeCommand.self,
            MappingsReloadCommand.self, MappingsImportCommand.self,
            MappingsExportCommand.self, MappingsRemoveCommand.self,
        ])
}

/// A tenant, and one of its mappings or all.
struct MappingArguments: ParsableArguments {
    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The object, as the mapping names it. Default: the whole tenant.") var object: String?

    /// The mapping named by `object`, or all of the tenant.
    func mappings(
        _ session: JobsSession
    ) async throws -> (organization: Organization, mappings: [MappingSummary]) {
        let found = try await session.organization(organization)
        let all = try await session.mappings(of: found.id)
        guard let object else { return (found, all) }
        guard let one = all.first(where: { $0.objectName.lowercased() == object.lowercased() }) else {
            throw CommandFailure(
                "\(found.organizationID) has no mapping \(object)", code: CommandFailure.noInput)
        }
        return (found, [one])
    }
}

/// `multiconnect mappings pause`
struct MappingsPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pauses one mapping, or the tenant with all mappings.",
        discussion: "Changes of the org are not read, and nothing is imported. Local changes are captured.")

    @OptionGroup var arguments: MappingArguments
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            guard arguments.object != nil else {
                return try await session.pause(arguments.organization, by: actor.name)
            }
            let (organization, mappings) = try await arguments.mappings(session)
            let changed = try await TenantPause(control: session.pool, queue: session.queue).set(
                isPaused: true, of: mappings, in: organization.id, by: actor.name)
            try await session.interruptImports(of: mappings, in: organization)
            for mapping in mappings {
                let isChanged = changed.contains(mapping.id)
                print("\(mapping.objectName) \(isChanged ? "is paused" : "was already paused")")
            }
        }
    }
}

/// `multiconnect mappings resume`
struct MappingsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Ends the pause of one mapping, or of the tenant. The sync continues where it stopped.",
        discussion: "Without an object, mappings that were paused one by one stay paused.")

    @OptionGroup var arguments: MappingArguments
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            guard arguments.object != nil else {
                return try await session.resume(arguments.organization, by: actor.name)
            }
            let (organization, mappings) = try await arguments.mappings(session)
            let changed = try await TenantPause(control: session.pool, queue: session.queue).set(
                isPaused: false, of: mappings, in: organization.id, by: actor.name)
            for mapping in mappings {
                let isChanged = changed.contains(mapping.id)
                print("\(mapping.objectName) \(isChanged ? "is resumed" : "is not paused")")
                if isChanged {
                    try await session.startWaitingJobs(
                        of: organization.id, mapping: mapping.id, by: actor.name)
                }
            }
        }
    }
}

/// `multiconnect mappings reload`
struct MappingsReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Reads all rows of one mapping, or of all, again and merges them into the tables.",
        discussion: """
            The tables are not emptied. A mapping that was not imported yet is left out. With --wait the \
            exit status is 1 if a reload fails, and 75 if --timeout is over.
            """)

    @OptionGroup var arguments: MappingArguments
    @OptionGroup var options: ReloadOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let (organization, mappings) = try await arguments.mappings(session)
            try await options.reload(mappings, of: organization, session, by: actor.name)
        }
    }
}

/// `multiconnect mappings remove`
struct MappingsRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Ends the sync of one object. Its table stays as an ordinary table, or is dropped.",
        discussion: """
            A worker does it. Local changes of the table that Salesforce does not have prevent the removal: \
            see `multiconnect writes`. Without --confirm nothing is done.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The object, as the mapping names it.") var object: String
    @Flag(help: "Also drops the table. Refused if rows are not in Salesforce.") var dropTable = false
    @Option(help: "The object once more, as a confirmation.") var confirm: String?
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let tenant = try await session.organization(organization)
            let book = try await session.tenants.mappingBook(of: tenant)
            guard let mapping = book.mapping(of: object) else {
                throw CommandFailure(
                    "\(tenant.organizationID) has no mapping \(object)", code: CommandFailure.noInput)
            }
            guard confirm?.lowercased() == object.lowercased() else {
                throw CommandFailure(
                    "nothing was done; repeat with --confirm \(mapping.objectName)", code: 64)
            }
            do {
                try await session.tenants.removeMapping(
                    object, basedOn: mapping.configuration.version, of: tenant,
                    dropsTable: dropTable, by: actor.name)
            } catch let error as TenantAdminError where error.code == .unsentChanges {
                throw CommandFailure(error.description, code: CommandFailure.dataError)
            }
            print("\(mapping.objectName): the removal is queued")
        }
    }
}
