import Activity
import ArgumentParser
import Cryptography
import Encoding
import Organizations
import Postgres
import Reactor
import TenantAdmin

/// `multiconnect organizations grant-reader`
struct OrganizationsGrantReaderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "grant-reader",
        abstract: "Makes a database role that reads one tenant's schema, for BI tools, and prints its URL.",
        discussion: """
            The role logs in with a new password, reads the tenant's tables, also later ones, and has no \
            other right of its own. Rights of every role that can harm others, as to make temporary tables, \
            are printed to standard error, with the statements that take them away. If our own role may not \
            create roles, as on Heroku, the SQL is printed instead, for somebody who may. Run again, the \
            command changes the password. With --store the role's URL is read from standard input and kept \
            sealed, so that shared queries run with a role that somebody else made.

            Exit status: 0 done, also if the SQL was printed; 64 invalid id; 65 not the URL of a reader; 66 \
            no such tenant or schema; 69 a database does not answer, or our role may not drop the reader's.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Flag(help: "Removes the role.") var revoke = false
    @Flag(help: "Prints the SQL and changes nothing.") var sql = false
    @Flag(help: "Stores the URL of a role that somebody else made, read from standard input.")
    var store = false
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let found = try await session.organization(organization)
            let store = ReaderRoleStore(found)
            guard !self.store else { return try await keep(found, store, session) }
            guard !revoke else { return try await revoke(found, store, session) }
            guard try await session.withCell(found.cell, store.hasSchema(on:)) else {
                throw CommandFailure(
                    "the tenant has no schema yet: its admin must consent first",
                    code: CommandFailure.noInput)
            }
            guard let password = try ReaderRoleStore.makePassword().revealText() else { return }
            guard !sql else { return print(text(store, password)) }
            switch try await session.withCell(
                found.cell, { try await store.grant(password: password, on: $0) })
            {
            case .granted:
                try await keep(
                    ReaderLogin(role: store.role, password: Secret(text: password)), found, session)
                try await note("reader_granted", found, store.role, session)
                let database = try session.launch.database(named: found.cell)
                print(Self.url(of: database, user: store.role, password: password))
                try await warn(about: store.role, found, session)
            case .notAllowed:
                print(
                    """
                    -- Our role may not create roles. Have the database's owner run this. On Heroku, create a
                    -- credential first, run it without the first statement, and use the credential's name:
                    -- heroku pg:credentials:create DATABASE --name \(store.role) -a APP

                    """ + text(store, password))
            }
        }
    }

    private func revoke(
        _ organization: Organization, _ store: ReaderRoleStore, _ session: JobsSession
    ) async throws {
        let removal = try await session.withCell(organization.cell, store.revoke(on:))
        guard removal != .notAllowed else {
            throw CommandFailure(
                "our role may not drop \(store.role). Have the database's owner run: "
                    + store.removals.map { $0 + ";" }.joined(separator: " "),
                code: CommandFailure.unavailable)
        }
        let login = try await session.pool.withConnection {
            try await ReaderLoginStore(on: $0).remove(organization.id)
        }
        guard removal == .removed || login != nil else {
            throw CommandFailure("there is no role \(store.role)", code: CommandFailure.noInput)
        }
        try await note("reader_revoked", organization, login ?? store.role, session)
        if removal == .removed { print("\(store.role): removed") }
        if let login, login != store.role { print("\(login): forgotten; the role itself is kept") }
    }

    /// Seals a login, with which shared queries run.
    private func keep(
        _ login: ReaderLogin, _ organization: Organization, _ session: JobsSession
    ) async throws {
        try await session.pool.withConnection {
            try await ReaderLoginStore(on: $0).set(
                login, of: organization, keys: session.launch.configuration.keyRing)
        }
    }

    /// Stores the role of a URL on standard input.
    private func keep(
        _ organization: Organization, _ store: ReaderRoleStore, _ session: JobsSession
    ) async throws {
        let text = readLine() ?? ""
        guard let url = try? PostgresConfiguration(url: text), let role = url.user,
            let password = url.password
        else {
            throw CommandFailure(
                "standard input has no URL as postgres://ROLE:PASSWORD@HOST/DATABASE",
                code: CommandFailure.dataError)
        }
        var database = try session.launch.database(named: organization.cell)
        guard role != database.user else {
            throw CommandFailure(
                "\(role) is our own role, which may do more than read", code: CommandFailure.dataError)
        }
        guard url.database == database.database else {
            throw CommandFailure(
                "the URL is of another database than the tenant's, \(database.database ?? "")",
                code: CommandFailure.dataError)
        }
        (database.user, database.password) = (role, password)
        try await check(database, store, role)
        try await keep(
            ReaderLogin(role: role, password: Secret(text: password)), organization, session)
        try await note("reader_granted", organization, role, session)
        print("\(role): stored")
        try await warn(about: role, organization, session)
    }

    /// Prints to standard error what the role may do because every role may, and what prevents it.
    private func warn(
        about role: String, _ organization: Organization, _ session: JobsSession
    ) async throws {
        let gaps = try await session.withCell(
            organization.cell, ReaderLimitsStore(role: role).gaps(on:))
        guard !gaps.isEmpty else { return }
        var text =
            "The role may also do the following, as every role may. See docs/bi.md. To prevent it, let the "
            + "owner of the database or a superuser run the statements:\n"
        for gap in gaps { text += "- \(gap.effect):\n  \(gap.remedy);\n" }
        StandardError.write(text)
    }

    /// Logs in as the role. Fails if it may do more, or less, than to read the tenant's schema.
    private func check(
        _ database: PostgresConfiguration, _ store: ReaderRoleStore, _ role: String
    ) async throws {
        let connection: PostgresConnection
        do {
            connection = try await PostgresConnection.connect(database)
        } catch let error as PostgresError where error.isLoginRefusal {
            throw CommandFailure(
                "\(role) cannot log in: check the URL's user and password", code: CommandFailure.dataError)
        }
        defer { connection.close() }
        let rights = ReaderRightsStore(schema: store.schema)
        if let excess = try await rights.excess(on: connection) {
            throw CommandFailure(
                "\(role) may do more than read \(store.schema): \(excess)", code: CommandFailure.dataError)
        }
        guard try await rights.reads(on: connection) else {
            throw CommandFailure(
                "\(role) may not read \(store.schema): run the statements of --sql for it",
                code: CommandFailure.dataError)
        }
    }

    private static func url(
        of database: PostgresConfiguration, user: String, password: String
    ) -> String {
        var pairs: [(String, String)] = []
        let host = database.host ?? "localhost"
        // A socket's directory does not fit into the place of the host.
        if host.hasPrefix("/") { pairs.append(("host", host)) }
        if let mode = database.securityMode { pairs.append(("sslmode", mode)) }
        let place = host.hasPrefix("/") ? "" : "\(host):\(database.port ?? "5432")"
        if host.hasPrefix("/"), let port = database.port { pairs.append(("port", port)) }
        let name = PercentCoding.encode(database.database ?? database.user ?? "postgres")
        let query = pairs.isEmpty ? "" : "?" + PercentCoding.form(pairs)
        return "postgres://\(user):\(password)@\(place)/\(name)\(query)"
    }

    private func text(_ store: ReaderRoleStore, _ password: String) -> String {
        store.statements(password: password).map { $0 + ";" }.joined(separator: "\n")
            + "\n-- A superuser can also limit the disk space of its temporary files:\n-- "
            + ReaderLimitsStore.fileLimit(store.role) + ";"
    }

    private func note(
        _ action: String, _ organization: Organization, _ role: String, _ session: JobsSession
    ) async throws {
        try await session.pool.withConnection {
            try await ActivityStore(on: $0).add(
                action, by: actor.name, organization: organization.id, detail: role)
        }
    }
}
