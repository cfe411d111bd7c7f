import ArgumentParser
import Encoding
import FoundationEssentials
import Jobs
import Organizations
import Replication

/// `multiconnect writes`
struct WritesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "writes",
        abstract: "Lists users' changes that are not in Salesforce yet, and retries or discards them.",
        discussion: """
            A change is named by its id in the tenant's _trigger_log. Exit status: 0 done; 64 wrong \
            arguments; 65 the change's state does not allow it, or --object names no mapping or table; 66 \
            no such tenant or change; 69 a database does not answer; 1 any other failure.
            """,
        subcommands: [
            WritesListCommand.self, WritesShowCommand.self, WritesRetryCommand.self,
            WritesDiscardCommand.self, WritesResolveCommand.self,
        ], defaultSubcommand: WritesListCommand.self)
}

extension LocalWrite.Status: ExpressibleByArgument {}

/// A tenant, and which of its changes.
struct WriteFilterOptions: ParsableArguments {
    @Option(help: "Only changes of this object or table.") var object: String?
    @Option(help: "Only changes with this status.") var status: LocalWrite.Status?
    @Flag(help: "Only changes whose outcome a person must decide: --status in-doubt.") var inDoubt = false
    @Option(help: "The most changes.") var limit: Int?

    /// The most changes that are listed without `--limit`, and that are read at a time.
    static let (listed, part) = (100, 10_000)

    func validate() throws {
        guard (1...Self.part).contains(limit ?? 1) else {
            throw ValidationError("--limit must be from 1 to 10000")
        }
        guard !inDoubt || status == nil else { throw ValidationError("give --status or --in-doubt") }
    }

    /// - Parameter table: the table of `object`.
    func filter(table: String? = nil) -> LocalWriteFilter {
        var filter = LocalWriteFilter()
        filter.table = table ?? object?.lowercased()
        filter.status = inDoubt ? .inDoubt : status
        filter.limit = limit ?? Self.listed
        return filter
    }

    /// The selected changes. Fails if `object` is neither a mapping nor a table with changes.
    ///
    /// - Parameters:
    ///   - mappings: those of the tenant.
    ///   - adjust: changes the filter.
    func changes(
        _ organization: Organization, _ mappings: [MappingSummary], _ store: LocalWriteStore,
        _ access: LocalWriteAccess, adjust: (inout LocalWriteFilter) -> Void = { _ in }
    ) async throws -> [LocalWrite] {
        let name = object?.lowercased()
        let mapping = mappings.first { $0.objectName.lowercased() == name || $0.table == name }
        var filter = filter(table: mapping?.table)
        adjust(&filter)
        let found = try await store.list(filter, on: access.connection)
        guard let object, mapping == nil, found.isEmpty, filter.before == nil else { return found }
        var any = LocalWriteFilter()
        (any.table, any.limit) = (name, 1)
        guard try await store.list(any, on: access.connection).isEmpty else { return found }
        throw CommandFailure(
            "\(organization.organizationID) has no mapping \(object), and no change of a table of this name",
            code: CommandFailure.dataError)
    }
}

extension JobsSession {
    /// Runs `body` with the changes of a tenant and a connection to its cell.
    func withWrites<Value>(
        of organization: Organization,
        _ body: (LocalWriteStore, LocalWriteAccess) async throws -> Value
    ) async throws -> Value {
        let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
        return try await withCell(organization.cell) { connection in
            try await body(store, LocalWriteAccess(connection: connection))
        }
    }
}

/// `multiconnect writes list`
struct WritesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists changes that wait, failed or are in doubt: those in doubt first, then the newest.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var options: WriteFilterOptions
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("writes") { [self] session in
            let found = try await session.organization(organization)
            let mappings = try await session.mappings(of: found.id)
            let (writes, counts) = try await session.withWrites(of: found) { store, access in
                (
                    try await options.changes(found, mappings, store, access),
                    try await store.counts(on: access.connection)
                )
            }
            if json {
                print(WritesText.document(writes, counts).text)
                return
            }
            let summary = LocalWrite.Status.allCases.compactMap { status in
                counts[status].map { "\($0) \(status.rawValue)" }
            }
            print(summary.isEmpty ? "nothing waits" : summary.joined(separator: ", "))
            guard !writes.isEmpty else { return }
            print("\n" + WritesText.table(writes, now: Date()))
            if writes.count == options.filter().limit { print("\nthere may be more: see --limit") }
        }
    }
}

/// `multiconnect writes show`
struct WritesShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows one change with its values and Salesforce's answer.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The change's id in _trigger_log.") var id: Int
    @Flag(help: "Print JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("writes") { [self] session in
            let found = try await session.organization(organization)
            let writes = try await session.withWrites(of: found) { store, access in
                try await store.list(WriteFilterOptions.all(ids: [id]), on: access.connection)
            }
            guard let write = writes.first else {
                throw CommandFailure("\(organization) has no change \(id)", code: CommandFailure.noInput)
            }
            print(json ? WritesText.object(write).text : WritesText.detail(write))
        }
    }
}

extension WriteFilterOptions {
    /// The changes with these ids, whatever their status.
    static func all(ids: [Int]) -> LocalWriteFilter {
        var filter = LocalWriteFilter()
        filter.ids = ids
        filter.limit = max(1, ids.count)
        return filter
    }
}
