import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Organizations
import Postgres
import Reactor
import Replication
import TenantSchema

/// `multiconnect mappings import`
struct MappingsImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Adds the mappings of a file to a tenant, and changes existing ones.",
        discussion: """
            The file has Heroku Connect's export format. Mappings that it does not name stay. A worker \
            applies it: no row is lost, new columns are filled while changes continue, and a column that is \
            not mapped any more keeps its values. connection.features are the settings of the connection; \
            unknown ones are reported and ignored. You can repeat the command. Exit status: 0 done; 64 \
            invalid id; 65 the file is invalid, or rows of a new mapping cannot be imported, such as those \
            of an object that the org does not have; 66 no such tenant or file; 1 a mapping could not be \
            changed, the worker has not finished in time, or the tenant is paused; 69 the database does not \
            answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The mapping file.") var file: String
    @Flag(help: "Only prints what would change.") var dryRun = false
    @Option(help: "The longest wait for the worker, in seconds.") var wait = 300
    @OptionGroup var actor: ActorOption

    func run() async throws {
        let bytes = try read()
        try await JobsSession.open("mappings") { [self] session in
            let tenant = try await session.organization(organization)
            let id = tenant.id
            let parsed: MappingFile
            do {
                parsed = try MappingFile(parsing: bytes)
            } catch {
                let problem = (error as? TenantSchemaError)?.message ?? "\(error)"
                throw CommandFailure("\(file): \(problem)", code: CommandFailure.dataError)
            }
            var settings = try await session.connectionSettings(of: id)
            let report = settings.apply(features: parsed.features)
            if let problem = report.problems.first {
                throw CommandFailure("\(file): \(problem)", code: CommandFailure.dataError)
            }
            try await check(parsed, id, session)
            if dryRun, parsed.features != nil {
                MappingImportProgress.show(.connection(report))
            }
            if dryRun { return try await show(parsed, id, session) }
            try await MappingImportProgress(session: session, wait: wait).apply(
                parsed, to: tenant, by: actor.name)
        }
    }

    private func read() throws -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(filePath: file)))
        } catch {
            StandardError.write("multiconnect mappings: cannot read \(file)\n")
            throw ExitCode(CommandFailure.noInput)
        }
    }

    /// Fails if a mapping's unique identifier is not one of its fields.
    private func check(_ parsed: MappingFile, _ id: UUID, _ session: JobsSession) async throws {
        let mappings = try await session.configuredMappings(of: id)
        for entry in parsed.mappings {
            let old = mappings.first { $0.objectName.lowercased() == entry.objectName.lowercased() }
            guard let problem = entry.configuration.identifierProblem(replacing: old?.configuration) else {
                continue
            }
            throw CommandFailure("\(file): \(entry.objectName): \(problem)", code: CommandFailure.dataError)
        }
    }

    private func show(_ parsed: MappingFile, _ id: UUID, _ session: JobsSession) async throws {
        let mappings = try await session.configuredMappings(of: id)
        let known = Dictionary(mappings.map { ($0.objectName, $0.configuration) }) { first, _ in first }
        for change in MappingChange.changes(from: known, to: parsed) { MappingImportProgress.show(change) }
    }
}

/// `multiconnect mappings export`
struct MappingsExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Prints a tenant's mappings and settings in Heroku Connect's export format.",
        discussion: """
            The settings of the connection are connection.features. Objects and members are sorted, so that \
            two exports can be compared. Exit status: 0 done; 64 invalid id; 66 no such tenant; 69 the \
            database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String

    func run() async throws {
        try await JobsSession.open("mappings") { [self] session in
            let found = try await session.organization(organization)
            let mappings = try await session.configuredMappings(of: found.id)
            let settings = try await session.connectionSettings(of: found.id)
            let file = MappingFile(
                mappings: mappings.map {
                    MappingFile.Entry(objectName: $0.objectName, configuration: $0.configuration)
                },
                connection: .object([
                    "organization_id": .string("\(found.organizationID)"), "features": settings.features,
                ]))
            print(file.text, terminator: "")
        }
    }
}

extension JobsSession {
    /// The settings of a tenant's connection.
    fileprivate func connectionSettings(of id: UUID) async throws -> ConnectionSettings {
        try await pool.withConnection { try await ConnectionStore(on: $0).settings(of: id) }
    }

    /// The mappings of a tenant.
    func configuredMappings(of id: UUID) async throws -> [Mapping] {
        try await pool.withConnection { connection in
            guard let tenant = try await OrganizationStore(on: connection).find(id: id) else {
                throw CommandFailure("there is no tenant \(id)", code: CommandFailure.noInput)
            }
            return try await MappingStore().mappings(of: tenant.connectionID, on: connection)
        }
    }
}
