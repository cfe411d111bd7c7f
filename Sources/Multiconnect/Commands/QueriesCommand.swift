import ArgumentParser
import Cryptography
import Encoding
import FoundationEssentials
import Organizations
import Reactor
import TenantAdmin

/// `multiconnect queries`
struct QueriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queries", abstract: "Queries on a tenant's schema that are shared by links.",
        discussion: """
            A query runs as the tenant's reader, which `multiconnect organizations grant-reader` makes. \
            docs/shared-queries.md has the details.
            """,
        subcommands: [
            QueriesSaveCommand.self, QueriesListCommand.self, QueriesShowCommand.self,
            QueriesRunCommand.self, QueriesShareCommand.self, QueriesRevokeCommand.self,
            QueriesRemoveCommand.self,
        ])
}

/// The tenant and the name of a query.
struct SharedQueryOptions: ParsableArguments {
    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The name of the query.") var name: String

    func query(_ session: JobsSession, _ book: SharedQueryBook) async throws -> SharedQuery {
        let found = try await session.organization(organization)
        guard let query = try await book.list(of: found.id).first(where: { $0.settings.name == name }) else {
            throw CommandFailure("the tenant has no query \(name)", code: CommandFailure.noInput)
        }
        return query
    }
}

/// `multiconnect queries save`
struct QueriesSaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "save", abstract: "Saves a query, or changes it; the former text stays as a version.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the tenant has too many queries; 66 no such tenant; \
            69 the database does not answer.
            """)

    @OptionGroup var query: SharedQueryOptions
    @Argument(help: "SQL of one statement that reads.") var statement: String
    @Option(help: "Seconds that it may run. Default: 30, or as before.") var seconds: Int?
    @Option(help: "Rows that are shown. Default: 10000, or as before.") var rows: Int?
    @Option(help: "Seconds for which a result is shown again. Default: 300, or as before.") var refresh: Int?
    @OptionGroup var actor: ActorOption

    private func settings(_ former: SharedQuery.Settings) -> SharedQuery.Settings {
        var settings = former
        settings.name = query.name
        settings.statement = statement
        if let seconds { settings.seconds = seconds }
        if let rows { settings.rows = rows }
        if let refresh { settings.refreshSeconds = refresh }
        return settings
    }

    func validate() throws {
        if let problem = settings(.init()).problem { throw ValidationError(problem) }
    }

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await session.organization(query.organization)
            if let former = try await book.list(of: found.id).first(where: { $0.settings.name == query.name })
            {
                _ = try await book.change(former, to: settings(former.settings), by: actor.name)
                return print("\(query.name): changed")
            }
            guard try await book.add(settings(.init()), to: found, by: actor.name) != nil else {
                throw CommandFailure("the tenant has too many queries", code: CommandFailure.dataError)
            }
            print("\(query.name): saved")
            guard try await !book.isOn(found) else { return }
            StandardError.write(
                "multiconnect queries: the tenant has no reader yet: run organizations grant-reader\n")
        }
    }
}

/// `multiconnect queries list`
struct QueriesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the queries of a tenant.",
        discussion: "Exit status: 0 done; 66 no such tenant; 69 the database does not answer.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await session.organization(organization)
            print(
                TextTable.text(
                    ["NAME", "VERSION", "LAST RUN", "CREATED"],
                    try await book.list(of: found.id).map { query in
                        [
                            query.settings.name, String(query.version),
                            query.result.map { Self.time($0.at) } ?? "never",
                            "\(Self.time(query.createdAt)) by \(query.createdBy)",
                        ]
                    }))
        }
    }

    static func time(_ date: Date) -> String {
        ISO8601.text(instant: Int(date.timeIntervalSince1970) * 1000, zone: "Z")
    }
}

/// `multiconnect queries show`
struct QueriesShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows a query with its links and versions.",
        discussion: "Exit status: 0 done; 66 no such tenant or query; 69 the database does not answer.")

    @OptionGroup var query: SharedQueryOptions

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await query.query(session, book)
            let links = try await book.links(of: found).map { link in
                [
                    link.name, link.id.uuidString.lowercased(),
                    link.revokedAt != nil ? "revoked" : link.isValid(at: Date()) ? "valid" : "expired",
                    link.lastUsedAt.map(QueriesListCommand.time) ?? "never",
                ]
            }
            let versions = try await book.versions(of: found).map { version in
                [
                    String(version.number), QueriesListCommand.time(version.createdAt), version.createdBy,
                    version.statement.replacing("\n", with: " "),
                ]
            }
            print(TextTable.text(["LINK", "ID", "STATE", "LAST USE"], links))
            print("")
            print(TextTable.text(["VERSION", "SAVED", "BY", "SQL"], versions))
        }
    }
}

/// `multiconnect queries run`
struct QueriesRunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs a query and prints its rows as CSV.",
        discussion: """
            If the query has more rows than `queries save --rows`, or more than 4 MB, the first ones are \
            printed, a message says so, and the exit status is 3.

            Exit status: 0 done; 3 the query has more rows than were printed; 65 the query failed; \
            66 no such tenant or query; 69 the database does not answer, or the tenant has no reader; \
            75 another process runs it.
            """)

    @OptionGroup var query: SharedQueryOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await query.query(session, book)
            switch try await book.view(found, isForced: true, by: actor.name) {
            case .result(_, let result):
                var bytes: [UInt8] = []
                CSVWriter.append(result.columns, to: &bytes)
                for row in result.rows { CSVWriter.append(row.map { $0 ?? "" }, to: &bytes) }
                print(String(decoding: bytes.dropLast(), as: UTF8.self))
                if result.isCut {
                    throw CommandFailure(
                        "the query has more rows than the \(result.rows.count) that were printed: "
                            + "raise --rows of queries save, or narrow the query",
                        code: CommandFailure.incomplete)
                }
            case .failed(_, let reason): throw CommandFailure(reason, code: CommandFailure.dataError)
            case .running:
                throw CommandFailure("another process runs the query", code: CommandFailure.temporary)
            case .off, .unknown:
                throw CommandFailure(
                    "the tenant has no reader: run organizations grant-reader",
                    code: CommandFailure.unavailable)
            }
        }
    }
}

/// `multiconnect queries share`
struct QueriesShareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share", abstract: "Makes a link to a query's result and prints it.",
        discussion: """
            The link is shown once. With .csv or .json at its end it is a file.

            Exit status: 0 done; 64 wrong arguments; 66 no such tenant or query; 69 the database does not \
            answer.
            """)

    @OptionGroup var query: SharedQueryOptions
    @Argument(help: "A name for lists and the activity, for example `finance`.") var link: String
    @Option(help: "Days until it expires. Default: never.") var days: Int?
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard (1...100).contains(link.unicodeScalars.count) else {
            throw ValidationError("the link's name must have 1 to 100 characters")
        }
        guard (1...3650).contains(days ?? 1) else { throw ValidationError("--days must be 1 to 3650") }
    }

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await query.query(session, book)
            let text = try await book.share(
                found, as: link,
                expiresAt: days.map { Date().addingTimeInterval(Double($0) * 24 * 60 * 60) }, by: actor.name)
            let url = session.launch.configuration.applicationURL
            print("\(url.hasSuffix("/") ? String(url.dropLast()) : url)/shared/\(text.revealText() ?? "")")
        }
    }
}

/// `multiconnect queries revoke`
struct QueriesRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Ends links at once.",
        discussion: """
            Exit status: 0 done; 66 no such tenant, query or valid link; 69 the database does not answer.
            """)

    @OptionGroup var query: SharedQueryOptions
    @Argument(help: "The name or the id. All links with this name are revoked.") var link: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await query.query(session, book)
            let count = try await book.revoke(link, of: found, by: actor.name)
            guard count > 0 else {
                throw CommandFailure("there is no valid link \(link)", code: CommandFailure.noInput)
            }
            print("\(link): \(count) \(count == 1 ? "link" : "links") revoked")
        }
    }
}

/// `multiconnect queries remove`
struct QueriesRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a query with its versions and links.",
        discussion: "Exit status: 0 done; 66 no such tenant or query; 69 the database does not answer.")

    @OptionGroup var query: SharedQueryOptions
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("queries") { [self] session in
            let book = try SharedQueryBook(session.launch, control: session.pool)
            let found = try await query.query(session, book)
            try await book.remove(found, by: actor.name)
            print("\(query.name): removed")
        }
    }
}
