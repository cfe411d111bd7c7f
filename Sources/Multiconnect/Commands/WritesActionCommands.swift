import Activity
import ArgumentParser
import Encoding
import FoundationEssentials
import Organizations
import Postgres
import Replication
import Salesforce
import TenantAdmin

/// The changes that a command acts on: ids, or all that match.
struct WriteSelection: ParsableArguments {
    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "Ids in _trigger_log. Without ids, all changes that match the options.") var ids: [Int] =
        []
    @OptionGroup var options: WriteFilterOptions
    @Flag(help: "All changes whose status allows the action.") var all = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        if ids.isEmpty, !all, options.object == nil, options.status == nil {
            throw ValidationError("no changes selected: give ids, --object, --status or --all")
        }
    }

    /// Passes the selected changes with one of these statuses to `body`, the newest first and at most
    /// `WriteFilterOptions.part` at a time. Fails if a named change does not exist.
    func forEachPart(
        _ statuses: [LocalWrite.Status], of tenant: Organization, _ mappings: [MappingSummary],
        _ store: LocalWriteStore, _ access: LocalWriteAccess,
        _ body: ([LocalWrite]) async throws -> Void
    ) async throws {
        guard ids.isEmpty else { return try await body(named(statuses, store, access)) }
        var left = options.limit ?? Int.max
        for status in statuses where (options.filter().status ?? status) == status {
            var before: Int?
            while left > 0 {
                let count = min(left, WriteFilterOptions.part)
                let part = try await options.changes(tenant, mappings, store, access) { filter in
                    (filter.status, filter.before, filter.limit) = (status, before, count)
                }
                try await body(part)
                left -= part.count
                guard part.count == count, let last = part.last?.id else { break }
                before = last
            }
        }
    }

    private func named(
        _ statuses: [LocalWrite.Status], _ store: LocalWriteStore, _ access: LocalWriteAccess
    ) async throws -> [LocalWrite] {
        let found = try await store.list(WriteFilterOptions.all(ids: ids), on: access.connection)
        let known = Set(found.map(\.id))
        if let missing = ids.first(where: { !known.contains($0) }) {
            throw CommandFailure("\(organization) has no change \(missing)", code: CommandFailure.noInput)
        }
        if let wrong = found.first(where: { !statuses.contains($0.status) }) {
            throw CommandFailure(
                "change \(wrong.id) is \(wrong.status.rawValue)", code: CommandFailure.dataError)
        }
        return found
    }

    func note(
        _ action: String, _ ids: [Int], of organization: UUID, in session: JobsSession
    ) async throws {
        guard !ids.isEmpty else { return }
        let shown = ids.prefix(20).map(String.init).joined(separator: " ")
        try await session.pool.withConnection {
            try await ActivityStore(on: $0).add(
                action, by: actor.name, organization: organization,
                detail: ids.count > 20 ? "\(ids.count) changes, \(shown) ..." : shown)
        }
    }
}

/// `multiconnect writes retry`
struct WritesRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Sends refused changes again, with the values of then.",
        discussion: """
            A change is left out if a later change of the same columns was written, unless its id is given.
            """)

    @OptionGroup var selection: WriteSelection

    func run() async throws {
        try await JobsSession.open("writes") { [self] session in
            let found = try await session.organization(selection.organization)
            let mappings = try await session.mappings(of: found.id)
            let (ids, old) = try await session.withWrites(of: found) { store, access in
                var (ids, old): ([Int], [Int]) = ([], [])
                try await selection.forEachPart([.failed], of: found, mappings, store, access) { changes in
                    let replaced =
                        selection.ids.isEmpty
                        ? try await store.superseded(changes, on: access.connection) : []
                    let sent = changes.filter { !replaced.contains($0.id) }
                    ids += try await access.connection.transaction { try await store.retry(sent, on: $0) }
                    old += replaced
                }
                return (ids, old.sorted())
            }
            try await selection.note("writes_retried", ids, of: found.id, in: session)
            print("\(ids.count) \(ids.count == 1 ? "change is" : "changes are") sent again")
            if !old.isEmpty {
                print(
                    "left out, because later changes of these rows are written: "
                        + old.prefix(20).map(String.init).joined(separator: " ")
                        + (old.count > 20 ? " ..." : "") + "; see multiconnect writes discard")
            }
        }
    }
}

/// `multiconnect writes discard`
struct WritesDiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard",
        abstract: "Gives up changes that wait or were refused. Salesforce's values come back.",
        discussion: "A row that was inserted here and that Salesforce does not have stays in the table.")

    @OptionGroup var selection: WriteSelection

    func run() async throws {
        try await JobsSession.open("writes") { [self] session in
            let found = try await session.organization(selection.organization)
            let mappings = try await session.mappings(of: found.id)
            let ids = try await session.withWrites(of: found) { store, access in
                var ids: [Int] = []
                try await selection.forEachPart([.failed, .waiting], of: found, mappings, store, access) {
                    changes in
                    ids += try await access.connection.transaction { connection in
                        let discarded = try await store.discard(changes, on: connection)
                        try await store.readAgain(discarded.records, of: mappings, on: connection)
                        return discarded.ids
                    }
                }
                return ids
            }
            try await selection.note("writes_discarded", ids, of: found.id, in: session)
            print("\(ids.count) \(ids.count == 1 ? "change is" : "changes are") discarded")
        }
    }
}

/// `multiconnect writes resolve`
struct WritesResolveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve",
        abstract: "Decides about changes whose outcome is unknown.",
        discussion: """
            Look into the org first: a change that is sent again although Salesforce has it makes a second \
            record. Each change is decided by itself: if one cannot be, the others are. `writes list \
            --in-doubt` prints their ids. The org is asked whether it has the record of --sfid.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The changes' ids in _trigger_log.") var ids: [Int]
    @Flag(help: "Salesforce has the change.") var exists = false
    @Option(help: "With --exists: the record of an insert.") var sfid: String?
    @Flag(help: "With --sfid: do not ask the org for the record.") var unchecked = false
    @Flag(help: "Salesforce does not have the change: send it again.") var sendAgain = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard exists != sendAgain else { throw ValidationError("give --exists or --send-again") }
        guard let sfid else {
            guard !unchecked else { throw ValidationError("--unchecked needs --sfid") }
            return
        }
        guard exists else { throw ValidationError("--sfid needs --exists") }
        guard ids.count == 1 else { throw ValidationError("--sfid is the record of one change") }
        guard (try? SalesforceID(sfid)) != nil else {
            throw ValidationError("\(sfid) is not the id of a record (15 or 18 characters)")
        }
    }

    func run() async throws {
        try await JobsSession.open("writes") { [self] session in
            let found = try await session.organization(organization)
            if sfid == nil || unchecked {
                try await resolve(of: found, in: session.tenants)
            } else {
                try await session.withOrgs { try await resolve(of: found, in: $0) }
            }
        }
    }

    private func resolve(of tenant: Organization, in tenants: TenantOperator) async throws {
        let decision = sendAgain ? WriteDecision.sendAgain : .exists(sfid: try record)
        var failures: [CommandFailure] = []
        for id in ids {
            let resolution: WriteResolution
            do {
                resolution = try await tenants.resolveWrite(
                    id, decision, of: tenant, isChecked: !unchecked, by: actor.name)
            } catch let error as TenantAdminError where [.silentOrg, .noConsent].contains(error.code) {
                throw CommandFailure(
                    "\(error.description). If you have seen the record in the org, add --unchecked",
                    code: CommandFailure.unavailable)
            }
            if let failure = failure(resolution, id) {
                failures.append(failure)
            } else {
                print("change \(id) \(sendAgain ? "is sent again" : "is recorded as written")")
            }
        }
        guard let first = failures.first else { return }
        throw CommandFailure(failures.map(\.message).joined(separator: "; "), code: first.code)
    }

    /// The record's 18 characters.
    private var record: String? {
        get throws { try sfid.map { try SalesforceID($0).text } }
    }

    private func failure(_ resolution: WriteResolution, _ id: Int) -> CommandFailure? {
        switch resolution {
        case .done: nil
        case .unknown:
            CommandFailure("\(organization) has no change \(id)", code: CommandFailure.noInput)
        case .notInDoubt(let status):
            CommandFailure(
                "change \(id) is \(status.rawValue), not in doubt", code: CommandFailure.dataError)
        case .needsRecord:
            CommandFailure(
                "change \(id) is an insert: name its record with --sfid", code: CommandFailure.dataError)
        case .hasRecord(let own):
            CommandFailure(
                "the row of change \(id) has the record \(own) already: nothing was changed",
                code: CommandFailure.dataError)
        case .recordBelongs(let row):
            CommandFailure(
                "the record belongs to row \(row) of the table: nothing was changed",
                code: CommandFailure.dataError)
        case .noRecord(let object):
            CommandFailure(
                "the org has no record \(sfid ?? "") of \(object): nothing was changed",
                code: CommandFailure.dataError)
        case .locked:
            CommandFailure(
                "another session has locked the row of change \(id): try again",
                code: CommandFailure.unavailable)
        case .notImported(let table):
            CommandFailure("the table \(table) is not imported", code: CommandFailure.unavailable)
        }
    }
}
