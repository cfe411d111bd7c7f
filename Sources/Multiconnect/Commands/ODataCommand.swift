import ArgumentParser
import Cryptography
import Encoding
import FoundationEssentials
import Organizations
import TenantAdmin

/// `multiconnect odata`
struct ODataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "odata", abstract: "Services for external objects of Salesforce (OData 4.0 and 2.0).",
        discussion: """
            A service shows tables of one tenant to one audience, at a URL with a user name and a password \
            of its own. docs/odata.md has the steps in Salesforce.
            """,
        subcommands: [
            ODataCreateCommand.self, ODataListCommand.self, ODataShowCommand.self, ODataTablesCommand.self,
            ODataRotateCommand.self, ODataEnableCommand.self, ODataDisableCommand.self,
            ODataRemoveCommand.self,
        ])
}

/// The tenant and the audience of a service.
struct ODataServiceOptions: ParsableArguments {
    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The audience of the service.") var audience: String

    func service(_ session: JobsSession) async throws -> ODataService {
        let found = try await session.organization(organization)
        let services = try await session.tenants.odataServices(of: [found.id])
        guard let service = services.first(where: { $0.audience == audience }) else {
            throw CommandFailure(
                "the tenant has no service of the audience \(audience)", code: CommandFailure.noInput)
        }
        return service
    }

    func turn(isOn: Bool, by actor: String) async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await service(session)
            try await session.tenants.setODataService(found, isEnabled: isOn, by: actor)
            print("\(found.audience): \(isOn ? "enabled" : "disabled")")
        }
    }
}

/// `multiconnect odata create`
struct ODataCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a service without tables, and prints its credentials.",
        discussion: """
            The password is shown once, only its hash is stored. Add tables with `multiconnect odata tables`.

            Exit status: 0 done; 64 wrong arguments; 65 the audience has a service; 66 no such tenant; 69 \
            the database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "Your name for the readers: lower-case letters, digits, - and _.") var audience: String
    @Option(help: "Takes the schema's place in the names of entity sets.") var alias = "salesforce"
    @Option(help: "Requests per hour.") var requests = ODataService.Settings().hourlyRequests
    @Option(help: "Seconds of the longest statement.") var seconds = ODataService.Settings().statementSeconds
    @Flag(help: "Prints JSON.") var json = false
    @OptionGroup var actor: ActorOption

    private var settings: ODataService.Settings {
        var settings = ODataService.Settings()
        settings.alias = alias
        settings.hourlyRequests = requests
        settings.statementSeconds = seconds
        return settings
    }

    func validate() throws {
        guard ODataService.isAudience(audience) else {
            throw ValidationError(
                "the audience must have 1 to 50 lower-case letters, digits, - and _, the first one a letter")
        }
        if let problem = settings.problem { throw ValidationError(problem) }
    }

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await session.organization(organization)
            guard
                let made = try await session.tenants.addODataService(
                    audience, settings, to: found, by: actor.name)
            else {
                throw CommandFailure(
                    "the tenant has a service of the audience \(audience)", code: CommandFailure.dataError)
            }
            let text = ODataText(url: session.launch.configuration.applicationURL)
            print(text.credential(made.credential, of: made.service, json: json))
        }
    }
}

/// `multiconnect odata list`
struct ODataListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists services, of all tenants or of one.",
        discussion: "Exit status: 0 done; 66 no such tenant; 69 the database does not answer.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID. Default: all tenants.")
    var organization: String?
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            var ids: [UUID]?
            if let organization { ids = [try await session.organization(organization).id] }
            let services = try await session.tenants.odataServices(of: ids)
            let text = ODataText(url: session.launch.configuration.applicationURL)
            print(json ? JSONText.array(services.map { text.document($0) }).text : text.table(services))
        }
    }
}

/// `multiconnect odata show`
struct ODataShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a service with its tables and user names.",
        discussion: "Exit status: 0 done; 66 no such tenant or service; 69 a database does not answer.")

    @OptionGroup var service: ODataServiceOptions
    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await service.service(session)
            let tables = try await session.tenants.odataTables(of: found)
            let text = ODataText(url: session.launch.configuration.applicationURL)
            print(json ? text.document(found).text : text.detail(found, tables))
        }
    }
}

/// `multiconnect odata tables`
struct ODataTablesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables", abstract: "Adds tables and views to a service, or removes them.",
        discussion: """
            A table needs a primary key, and a view a column id with unique values. Views are read-only. A \
            mapped table can be written if its mapping writes to Salesforce.

            Exit status: 0 done; 64 wrong arguments; 65 the table cannot be served like this; 66 no such \
            tenant, service or table; 69 a database does not answer.
            """)

    @OptionGroup var service: ODataServiceOptions
    @Argument(help: "Tables or views of the tenant's schema.") var tables: [String]
    @Option(help: "The columns to show, separated by commas. Default: all but Multiconnect's own.")
    var columns: String?
    @Flag(help: "Lets clients create, change and delete rows.") var write = false
    @Flag(help: "Removes the tables from the service.") var remove = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard !tables.isEmpty else { throw ValidationError("name a table") }
        guard columns == nil || tables.count == 1 else {
            throw ValidationError("--columns is for one table")
        }
        guard !remove || (columns == nil && !write) else {
            throw ValidationError("--remove goes without --columns and --write")
        }
    }

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await service.service(session)
            for table in tables {
                if remove {
                    guard try await session.tenants.withdraw(table: table, of: found, by: actor.name) else {
                        throw CommandFailure("\(table) is not served", code: CommandFailure.noInput)
                    }
                    print("\(table): removed")
                } else {
                    try await add(table, found, session)
                    print("\(table): \(write ? "read and write" : "read")")
                }
            }
        }
    }

    private func add(_ table: String, _ found: ODataService, _ session: JobsSession) async throws {
        let names = columns.map { $0.split(separator: ",").map(String.init) }
        do {
            try await session.tenants.serve(
                .init(table: table, columns: names, isWritable: write), by: found, actor: actor.name)
        } catch let obstacle as ODataTableStore.Obstacle {
            switch obstacle {
            case .noTable:
                throw CommandFailure(
                    "there is no table or view \(table) in \(found.schema)", code: CommandFailure.noInput)
            case .noKey:
                throw CommandFailure(
                    "\(table) has no primary key of numbers, texts or UUIDs; a view needs a column id",
                    code: CommandFailure.dataError)
            case .unknownColumn(let name):
                throw CommandFailure(
                    "\(table) has no column \(name) of a type that OData has", code: CommandFailure.dataError)
            case .noWrites:
                throw CommandFailure(
                    "\(table) cannot be written: it is a view, or the table of a mapping that was removed",
                    code: CommandFailure.dataError)
            case .readOnlyMapping(let object):
                throw CommandFailure(
                    "\(table) cannot be written: the mapping of \(object) is read_only, and changes would "
                        + "not reach Salesforce", code: CommandFailure.dataError)
            }
        }
    }
}

/// `multiconnect odata rotate`
struct ODataRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Makes new credentials. The former ones end after 10 minutes.",
        discussion: "Exit status: 0 done; 66 no such tenant or service; 69 the database does not answer.")

    @OptionGroup var service: ODataServiceOptions
    @Flag(help: "Prints JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await service.service(session)
            let credential = try await session.tenants.rotate(found, by: actor.name)
            let text = ODataText(url: session.launch.configuration.applicationURL)
            print(text.credential(credential, of: found, json: json))
        }
    }
}

/// `multiconnect odata enable`
struct ODataEnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Turns a service on again.",
        discussion: "Exit status: 0 done; 66 no such tenant or service; 69 the database does not answer.")

    @OptionGroup var service: ODataServiceOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await service.turn(isOn: true, by: actor.name)
    }
}

/// `multiconnect odata disable`
struct ODataDisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable", abstract: "Turns a service off, within 5 seconds.",
        discussion: "Exit status: 0 done; 66 no such tenant or service; 69 the database does not answer.")

    @OptionGroup var service: ODataServiceOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await service.turn(isOn: false, by: actor.name)
    }
}

/// `multiconnect odata remove`
struct ODataRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a service with its credentials, within 5 seconds.",
        discussion: "Exit status: 0 done; 66 no such tenant or service; 69 the database does not answer.")

    @OptionGroup var service: ODataServiceOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("odata") { [self] session in
            let found = try await service.service(session)
            try await session.tenants.removeODataService(found, by: actor.name)
            print("\(found.audience): removed")
        }
    }
}

/// The texts about services.
private struct ODataText {
    /// `APP_URL`
    let url: String

    private func url(_ service: ODataService, _ version: String) -> String {
        "\(url.hasSuffix("/") ? String(url.dropLast()) : url)/odata/\(version)/\(service.slug)/"
    }

    func credential(_ credential: ODataService.NewCredential, of service: ODataService, json: Bool) -> String
    {
        let password = credential.password.revealText() ?? ""
        guard !json else {
            return document(
                service, [("user", .string(credential.user)), ("password", .string(password))]
            ).text
        }
        return """
            URL       \(url(service, "v4"))
            OData 2.0 \(url(service, "v2"))
            user      \(credential.user)
            password  \(password)
            """
    }

    func table(_ services: [ODataService]) -> String {
        TextTable.text(
            ["SCHEMA", "AUDIENCE", "STATE", "TABLES", "REQUESTS/H", "URL"],
            services.map { service in
                [
                    service.schema, service.audience, service.isEnabled ? "enabled" : "disabled",
                    String(service.selections.count),
                    "\(service.usedRequests) of \(service.hourlyRequests)", url(service, "v4"),
                ]
            })
    }

    func detail(_ service: ODataService, _ tables: [ODataTable]) -> String {
        let credentials = service.credentials.map { credential in
            [credential.user, credential.expiresAt.map { "valid until \(Self.time($0))" } ?? "valid"]
        }
        let rows = service.selections.map { selection -> [String] in
            guard let table = tables.first(where: { $0.name == selection.table }) else {
                return [
                    "\(service.alias)$\(selection.table)", "missing, or without a key", "", "",
                ]
            }
            return [
                "\(service.alias)$\(table.name)", table.isWritable ? "read and write" : "read",
                table.key.joined(separator: ", "),
                selection.columns.map { $0.joined(separator: ", ") } ?? "all",
            ]
        }
        return [
            TextTable.text(
                ["AUDIENCE", "STATE", "REQUESTS/H", "URL"],
                [
                    [
                        service.audience, service.isEnabled ? "enabled" : "disabled",
                        "\(service.usedRequests) of \(service.hourlyRequests)", url(service, "v4"),
                    ]
                ]),
            TextTable.text(["ENTITY SET", "ACCESS", "KEY", "COLUMNS"], rows),
            TextTable.text(["USER", "STATE"], credentials),
        ].joined(separator: "\n\n")
    }

    func document(_ service: ODataService, _ more: [(String, JSONText)] = []) -> JSONText {
        .object(
            more + [
                ("id", .number(service.id)), ("schema", .string(service.schema)),
                ("audience", .string(service.audience)), ("enabled", .bool(service.isEnabled)),
                ("url", .string(url(service, "v4"))), ("url_v2", .string(url(service, "v2"))),
                ("alias", .string(service.alias)), ("hourly_requests", .number(service.hourlyRequests)),
                ("used_requests", .number(service.usedRequests)),
                ("statement_seconds", .number(Int(service.statementTime.components.seconds))),
                (
                    "tables",
                    .array(
                        service.selections.map { selection in
                            .object([
                                ("name", .string(selection.table)),
                                (
                                    "columns",
                                    selection.columns.map { .array($0.map(JSONText.string)) } ?? .null
                                ),
                                ("writable", .bool(selection.isWritable)),
                            ])
                        })
                ),
                (
                    "users",
                    .array(
                        service.credentials.map { credential in
                            .object([
                                ("user", .string(credential.user)),
                                ("expires_at", .optional(credential.expiresAt.map(Self.time))),
                            ])
                        })
                ),
                ("created_by", .string(service.createdBy)),
                ("created_at", .string(Self.time(service.createdAt))),
            ])
    }

    private static func time(_ date: Date) -> String {
        ISO8601.text(instant: Int(date.timeIntervalSince1970) * 1000, zone: "Z")
    }
}
