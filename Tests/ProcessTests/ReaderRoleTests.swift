import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect organizations grant-reader`.
    @Suite(.tags(.process))
    struct ReaderRoleTests {
        private static let org = "00D090000083B1pEAE"
        private static let schema = "salesforce00d090000083b1peae"

        /// A tenant with a table, and a second schema.
        private func withTenant(
            _ body:
                @concurrent @Sendable (TestDatabase, PostgresConnection, [String: String]) async throws ->
                Void
        ) async throws {
            try await withDatabase { database in
                let connection = try await database.connect()
                defer { connection.close() }
                let environment = Program.commandEnvironment(database.url)
                #expect(try Program.multiconnect(["migrate"], environment: environment).exitStatus() == 0)
                try await connection.script(
                    """
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                      values ('\(Self.org)', 'Acme', 'ann@example.com', '\(Self.schema)');
                    insert into multiconnect.connections (organization_id) select id from multiconnect.organizations;
                    create schema \(Self.schema);
                    create table \(Self.schema).account (id int, name text);
                    insert into \(Self.schema).account values (1, 'Acme');
                    create schema other; create table other.account (id int);
                    """)
                try await body(database, connection, environment)
            }
        }

        private func run(_ environment: [String: String], _ more: String...) throws -> (Int32, String) {
            let program = try Program.multiconnect(
                ["organizations", "grant-reader", Self.org] + more, environment: environment)
            let status = program.exitStatus()
            let output = program.output.trimmingCharacters(in: .whitespacesAndNewlines)
            // Notes about the rights of every role go to standard error.
            let url = output.split(separator: "\n").first { $0.hasPrefix("postgres://") }
            return (status, url.map(String.init) ?? output)
        }

        @Test func `the role reads the tenant's tables, also later ones, and nothing else`() async throws {
            try await withTenant { database, owner, environment in
                let (status, url) = try run(environment)
                #expect(status == 0 && url.hasPrefix("postgres://\(Self.schema)_reader:"), "\(url)")
                try await owner.script("create table \(Self.schema).contact (id int)")
                let reader = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
                defer { reader.close() }
                let name: String = try await reader.query("select name from account").scalar()
                #expect(name == "Acme")
                let contacts: Int = try await reader.query("select count(*) from contact").scalar()
                #expect(contacts == 0)
                let refused = [
                    "select * from other.account", "select * from multiconnect.organizations",
                    "insert into account values (2, 'x')", "create table \(Self.schema).mine (id int)",
                    "set default_transaction_read_only = off; insert into account values (2, 'x')",
                    "set role postgres", "create role another",
                    "copy account to program 'true'", "select pg_read_file('/etc/passwd')",
                ]
                for statement in refused {
                    await #expect(throws: PostgresError.self, "\(statement)") {
                        try await reader.script(statement)
                    }
                }
                let (again, other) = try run(environment)
                #expect(again == 0 && other != url, "a new password")
                let (removed, text) = try run(environment, "--revoke")
                #expect(removed == 0 && text.contains("removed"), "\(text)")
                #expect(try run(environment, "--revoke").0 == 66)
                let actions: [String] = try await owner.query(
                    "select action from multiconnect.activity order by id"
                ).column()
                #expect(actions == ["reader_granted", "reader_granted", "reader_revoked"])
            }
        }

        @Test func `a reader has five sessions and statements of five minutes, and ends with its tenant`()
            async throws
        {
            try await withTenant { _, owner, environment in
                let (status, url) = try run(environment)
                #expect(status == 0)
                let configuration = try PostgresConfiguration(url: url)
                var readers: [PostgresConnection] = []
                defer { for reader in readers { reader.close() } }
                for _ in 1...5 { readers.append(try await PostgresConnection.connect(configuration)) }
                await #expect(throws: PostgresError.self) {
                    _ = try await PostgresConnection.connect(configuration)
                }
                let timeout: String = try await readers[0].query("show statement_timeout").scalar()
                #expect(timeout == "5min")
                // The limit of a session may be lowered; a statement that runs longer than it is ended.
                try await readers[0].script("set statement_timeout = '50ms'")
                await #expect(throws: PostgresError.self) {
                    try await readers[0].script("select pg_sleep(5)")
                }

                let removed = try Program.multiconnect(
                    [
                        "organizations", "remove", Self.org, "--confirm", Self.org, "--delete-data",
                        "--skip-revocation",
                    ], environment: environment)
                #expect(removed.exitStatus() == 0, "\(removed.output)")
                #expect(removed.output.contains("\(Self.schema)_reader is dropped"), "\(removed.output)")
                for reader in readers {
                    await #expect(throws: PostgresError.self) { try await reader.script("select 1") }
                }
                let left: Int = try await owner.query(
                    "select count(*) from pg_roles where rolname = \("\(Self.schema)_reader")"
                ).scalar()
                #expect(left == 0)
            }
        }

        @Test func `a role that may create roles and is no superuser removes them too`() async throws {
            try await withTenant { database, owner, environment in
                let name = "c\(database.name.suffix(20))"
                try await owner.script(
                    """
                    create role \(name) login nosuperuser createrole password 'x';
                    alter database \(database.name) owner to \(name);
                    alter schema \(Self.schema) owner to \(name);
                    alter table \(Self.schema).account owner to \(name);
                    grant all on schema multiconnect to \(name);
                    grant all on all tables in schema multiconnect to \(name);
                    grant all on all sequences in schema multiconnect to \(name);
                    """)
                var ordinary = environment
                ordinary["DATABASE_URL"] = environment["DATABASE_URL"]?.replacing(
                    "//postgres@", with: "//\(name):x@")
                let (status, url) = try run(ordinary)
                #expect(status == 0 && url.hasPrefix("postgres://\(Self.schema)_reader"), "\(url)")
                let reader = try await PostgresConnection.connect(try PostgresConfiguration(url: url))
                defer { reader.close() }
                let (removed, text) = try run(ordinary, "--revoke")
                #expect(removed == 0 && text.contains("removed"), "\(text)")
                await #expect(throws: PostgresError.self) { try await reader.script("select 1") }
                try await owner.script("alter database \(database.name) owner to postgres")
                try await owner.script("reassign owned by \(name) to postgres; drop owned by \(name)")
                try await owner.script("drop role \(name)")
            }
        }

        @Test func `the statements that a grant prints take away what every role may do`() async throws {
            try await withTenant { database, owner, environment in
                func grant() throws -> (url: String, notes: String) {
                    let program = try Program.multiconnect(
                        ["organizations", "grant-reader", Self.org], environment: environment)
                    #expect(program.exitStatus() == 0)
                    let lines = program.output.split(separator: "\n").map(String.init)
                    return (
                        lines.first { $0.hasPrefix("postgres://") } ?? "",
                        lines.filter { !$0.hasPrefix("postgres://") }.joined(separator: "\n")
                    )
                }
                let harms = [
                    "create temporary table t (id int)", "select pg_try_advisory_lock(1)",
                    "select lo_from_bytea(0, 'x')", "select lo_create(0)",
                ]
                let first = try grant()
                for effect in ["temporary tables", "large objects", "advisory locks"] {
                    #expect(first.notes.contains(effect), "\(first.notes)")
                }
                #expect(!first.notes.contains("temporary files"), "limited, as our role is a superuser")
                var configuration = try PostgresConfiguration(url: first.url)
                for harm in harms {
                    let reader = try await PostgresConnection.connect(configuration)
                    try await reader.script("set default_transaction_read_only = off")
                    try await reader.script(harm)
                    reader.close()
                }
                // Its large objects end shared queries, and the message has the statement that removes them.
                #expect(try query(environment, "save", Self.org, "names", "select name from account").0 == 0)
                let refused = try query(environment, "run", Self.org, "names")
                #expect(refused.0 == 65 && refused.1.contains("owns large object"), "\(refused.1)")
                let remedy = try #require(refused.1.firstMatch(of: /superuser: (begin .*; commit)/)).output.1
                let cleaner = try await PostgresConnection.connect(configuration)
                defer { cleaner.close() }
                try await cleaner.script(String(remedy))
                // Neither does a temporary table of an open session.
                try await cleaner.script("set default_transaction_read_only = off")
                try await cleaner.script("create temporary table t (id int)")
                #expect(try query(environment, "run", Self.org, "names").0 == 0)

                for line in first.notes.split(separator: "\n") where line.hasPrefix("  ") {
                    try await owner.script(String(line))
                }
                let second = try grant()
                #expect(second.notes.isEmpty, "\(second.notes)")
                configuration = try PostgresConfiguration(url: second.url)
                for harm in harms {
                    let reader = try await PostgresConnection.connect(configuration)
                    defer { reader.close() }
                    try await reader.script("set default_transaction_read_only = off")
                    await #expect(throws: PostgresError.self, "\(harm)") { try await reader.script(harm) }
                }
                let reader = try await PostgresConnection.connect(configuration)
                defer { reader.close() }
                let limit: String = try await reader.query("show temp_file_limit").scalar()
                #expect(limit == "1GB")
                await #expect(throws: PostgresError.self) {
                    try await reader.script("set temp_file_limit = -1")
                }
                #expect(try query(environment, "run", Self.org, "names").0 == 0)
                #expect(try run(environment, "--revoke").0 == 0)
            }
        }

        /// The environment of a role of ours that may not create roles.
        private func restrict(
            _ environment: [String: String], _ name: String, _ database: TestDatabase,
            _ owner: PostgresConnection
        ) async throws -> [String: String] {
            try await owner.script(
                """
                create role \(name) login nosuperuser nocreaterole password 'x';
                alter database \(database.name) owner to \(name);
                grant all on schema multiconnect, \(Self.schema) to \(name);
                grant all on all tables in schema multiconnect, \(Self.schema) to \(name);
                grant all on all sequences in schema multiconnect to \(name);
                """)
            return environment.merging([
                "DATABASE_URL": database.url.replacing("//postgres@", with: "//\(name):x@")
            ]) { $1 }
        }

        /// Runs `grant-reader --store` with a text on standard input.
        private func store(_ text: String, _ environment: [String: String]) throws -> (Int32, String) {
            let program = try Program.shell(
                #"printf '%s\n' "$TEXT" | exec "$0" organizations grant-reader "$ORG" --store"#,
                environment: environment.merging(["TEXT": text, "ORG": Self.org]) { $1 })
            return (program.exitStatus(), program.output)
        }

        private func query(_ environment: [String: String], _ arguments: String...) throws -> (Int32, String)
        {
            let program = try Program.multiconnect(["queries"] + arguments, environment: environment)
            return (program.exitStatus(), program.output)
        }

        @Test func `without the right to create roles the SQL is printed, and the role's URL is stored`()
            async throws
        {
            try await withTenant { database, owner, environment in
                let name = "r\(database.name.suffix(20))"
                let restricted = try await restrict(environment, name, database, owner)
                let (status, text) = try run(restricted)
                #expect(status == 0 && text.contains("may not create roles"), "\(text)")
                let sql = text.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
                try await owner.script(sql)
                let role = "\(Self.schema)_reader"
                let mayRead: Bool = try await owner.query(
                    "select has_table_privilege(\(role), \("\(Self.schema).account"), 'select')"
                ).scalar()
                #expect(mayRead)

                #expect(
                    try query(restricted, "save", Self.org, "names", "select name from account").0 == 0)
                #expect(try query(restricted, "run", Self.org, "names").0 == 69, "there is no reader yet")
                let password = try #require(sql.firstMatch(of: /password '([^']+)'/)).output.1
                let url = database.url.replacing("//postgres@", with: "//\(role):\(password)@")
                let (stored, answer) = try store(url, restricted)
                #expect(stored == 0 && answer.contains("\(role): stored\n"), "\(answer)")
                let (ran, rows) = try query(restricted, "run", Self.org, "names")
                #expect(ran == 0 && rows.contains("\"Acme\""), "\(rows)")
                let detail: [String] = try await owner.query(
                    "select action || ' ' || detail from multiconnect.activity where action like 'reader%'"
                ).column()
                #expect(detail == ["reader_granted \(role)"])
                let sealed: [String] = try await owner.query(
                    "select encode(sealed, 'escape') from multiconnect.reader_logins"
                ).column()
                #expect(sealed.count == 1 && !sealed[0].contains(password))
                let (kept, refusal) = try run(restricted, "--revoke")
                #expect(kept == 69 && refusal.contains("drop role"), "\(refusal)")
                try await owner.script("drop owned by \(role); drop role \(role); drop owned by \(name)")
            }
        }

        @Test func `a credential that somebody else made is stored, used and forgotten`() async throws {
            try await withTenant { database, owner, environment in
                let suffix = database.name.suffix(20)
                let (name, team, role) = ("r\(suffix)", "team-\(suffix)", "bi-\(suffix)")
                let restricted = try await restrict(environment, name, database, owner)
                // As Heroku's credentials: the login is a member of the role with the rights.
                try await owner.script(
                    """
                    create role "\(team)" nologin; create role "\(role)" login; grant "\(team)" to "\(role)";
                    grant usage on schema \(Self.schema) to "\(team)";
                    grant select on all tables in schema \(Self.schema) to "\(team)"
                    """)
                let url = database.url.replacing("//postgres@", with: "//\(role):p%40ss@")
                #expect(try store(url, restricted).0 == 0)
                let select = "select name from \(Self.schema).account"
                #expect(try query(restricted, "save", Self.org, "names", select).0 == 0)
                let (ran, rows) = try query(restricted, "run", Self.org, "names")
                #expect(ran == 0 && rows.contains("\"Acme\""), "\(rows)")
                // More rights than before: the query does not run any more.
                try await owner.script("grant pg_read_all_data to \"\(team)\"")
                let (refused, reason) = try query(restricted, "run", Self.org, "names")
                #expect(refused == 65 && reason.contains("pg_read_all_data"), "\(reason)")
                let (revoked, text) = try run(restricted, "--revoke")
                #expect(revoked == 0 && text == "\(role): forgotten; the role itself is kept", "\(text)")
                #expect(try query(restricted, "run", Self.org, "names").0 == 69)
                #expect(try run(restricted, "--revoke").0 == 66)
                try await owner.script(
                    """
                    drop owned by "\(team)", "\(role)"; drop role "\(team)", "\(role)"; drop owned by \(name)
                    """)
            }
        }

        @Test func `a URL that is not a reader's is not stored`() async throws {
            try await withTenant { database, owner, environment in
                let suffix = database.name.suffix(20)
                let role = "w\(suffix)"
                try await owner.script(
                    """
                    create role \(role) login; grant usage on schema \(Self.schema) to \(role);
                    grant select, insert on \(Self.schema).account to \(role);
                    create role "blind\(suffix)" login; create role "locked\(suffix)" nologin;
                    """)
                func url(_ login: String) -> String {
                    database.url.replacing("//postgres@", with: "//\(login)@")
                }
                let cases = [
                    ("", "has no URL"), ("postgres://nobody@localhost/x", "has no URL"),
                    ("not a url", "has no URL"), (url("postgres:x"), "is our own role"),
                    (url("\(role):x"), "INSERT on table"), (url("blind\(suffix):x"), "may not read"),
                    (url("locked\(suffix):x"), "cannot log in"), (url("absent\(suffix):x"), "cannot log in"),
                    (
                        url("\(role):x").replacing(database.name, with: "postgres"), "another database"
                    ),
                ]
                for (text, reason) in cases {
                    let (status, output) = try store(text, environment)
                    #expect(status == 65 && output.contains(reason), "\(text): \(output)")
                }
                let logins: Int = try await owner.query(
                    "select count(*) from multiconnect.reader_logins"
                ).scalar()
                #expect(logins == 0)
                try await owner.script(
                    """
                    drop owned by \(role);
                    drop role \(role), "blind\(suffix)", "locked\(suffix)"
                    """)
            }
        }
    }
}
