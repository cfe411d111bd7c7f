import Postgres
import Support
import TenantAdmin
import Testing

/// The rights with which a role is accepted as a tenant's reader, or refused.
@Suite(.tags(.store))
struct ReaderRightsTests {
    private static let schema = "salesforce00d090000083b1peae"

    /// A database with the tenant's schema and others.
    private static let scene = """
        create schema \(schema); create table \(schema)._trigger_log (id int);
        create table \(schema).account (id int, name text); create sequence \(schema).counter;
        create schema salesforce00d000000000002eaa;
        create table salesforce00d000000000002eaa.account (id int);
        create schema renamed; create table renamed._trigger_log (id int);
        create schema multiconnect_sync; create schema reports; create table reports.sales (id int);
        create foreign data wrapper somewhere; create server elsewhere foreign data wrapper somewhere;
        create function reports.all_rows() returns int language sql security definer as 'select 1';
        """

    /// Statements in which `ROLE` is the reader and `TEAM` a role that it is a member of, and a part of the
    /// reason.
    private static let excesses: [(statements: String, reason: String)] =
        [
            ("alter role ROLE superuser", "SUPERUSER"), ("alter role ROLE createrole", "CREATEROLE"),
            ("alter role ROLE createdb", "CREATEDB"), ("alter role ROLE replication", "REPLICATION"),
            ("alter role ROLE bypassrls", "BYPASSRLS"), ("alter role TEAM superuser", "SUPERUSER"),
            ("alter role TEAM createrole; alter role ROLE noinherit", "CREATEROLE"),
            ("grant insert on \(schema).account to ROLE", "INSERT on table"),
            ("grant update (name) on \(schema).account to ROLE", "UPDATE on column"),
            ("grant delete on reports.sales to ROLE", "DELETE on table"),
            ("grant truncate on \(schema).account to TEAM", "TRUNCATE"),
            ("grant insert on reports.sales to TEAM; alter role ROLE noinherit", "INSERT"),
            ("grant usage on sequence \(schema).counter to ROLE", "USAGE on sequence"),
            ("grant create on schema \(schema) to TEAM", "CREATE on schema"),
            ("grant create on database DATABASE to ROLE", "CREATE on database"),
            ("create table \(schema).mine (); alter table \(schema).mine owner to TEAM", "owns table"),
            ("create schema authorization ROLE", "owns schema"),
            (
                "grant usage on schema salesforce00d000000000002eaa to ROLE",
                "may use the schema salesforce00d0"
            ),
            ("grant usage on schema renamed to TEAM", "may use the schema renamed"),
            ("grant usage on schema renamed to public", "may use the schema renamed"),
            ("grant usage on schema multiconnect_sync to ROLE", "may use the schema multiconnect_sync"),
            ("grant usage on foreign server elsewhere to ROLE", "may use server elsewhere"),
            ("grant execute on function reports.all_rows() to ROLE", "EXECUTE on function"),
            ("grant execute on function pg_read_file(text) to TEAM", "EXECUTE on function"),
        ] + predefined.map { ("grant \($0) to TEAM", "member of \($0)") }

    private static let predefined = [
        "pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_read_all_data",
        "pg_write_all_data", "pg_signal_backend", "pg_monitor",
    ]

    /// Runs `body` with a login of a reader that is a member of another role, after `statements`.
    private func withReader(
        _ statements: String, _ database: TestDatabase, _ owner: PostgresConnection,
        _ body: (PostgresConnection) async throws -> Void
    ) async throws {
        let suffix = database.name.suffix(20).lowercased()
        let (role, team) = ("reader_\(suffix)", "team_\(suffix)")
        try await owner.script("create role \(team); create role \(role) login; grant \(team) to \(role)")
        try await owner.script(
            """
            grant usage on schema \(Self.schema) to \(team);
            grant select on all tables in schema \(Self.schema) to \(team);
            """)
        try await owner.script(
            statements.replacing("ROLE", with: role).replacing("TEAM", with: team)
                .replacing("DATABASE", with: database.name))
        var configuration = database.configuration
        configuration.user = role
        let connection = try await PostgresConnection.connect(configuration)
        defer { connection.close() }
        try await body(connection)
        try await owner.script(
            """
            revoke usage on schema renamed from public;
            drop owned by \(role), \(team) cascade; drop role \(role), \(team)
            """)
    }

    @Test func `each right beyond reading is refused with its name`() async throws {
        try await withDatabase { database in
            let owner = try await database.connect()
            defer { owner.close() }
            try await owner.script(Self.scene)
            let rights = ReaderRightsStore(schema: Self.schema)
            for (statements, reason) in Self.excesses {
                try await withReader(statements, database, owner) { connection in
                    let excess = try await rights.excess(on: connection)
                    #expect(excess?.contains(reason) == true, "\(statements): \(excess ?? "accepted")")
                }
            }
        }
    }

    @Test func `a reader may be a member of roles that only read, and have what every role has`() async throws
    {
        try await withDatabase { database in
            let owner = try await database.connect()
            defer { owner.close() }
            try await owner.script(Self.scene)
            let accepted = [
                "select 1", "alter role ROLE noinherit",
                "grant usage on schema reports to TEAM; grant select on all tables in schema reports to TEAM",
                "alter default privileges in schema \(Self.schema) grant select on tables to ROLE",
                "grant select (id) on \(Self.schema).account to ROLE", "grant all on reports.sales to public",
                "grant connect, temporary on database DATABASE to ROLE",
                "alter role ROLE set default_transaction_read_only = on",
                "grant all on schema public to public",
            ]
            let rights = ReaderRightsStore(schema: Self.schema)
            for statements in accepted {
                try await withReader(statements, database, owner) { connection in
                    #expect(try await rights.excess(on: connection) == nil, "\(statements)")
                    let reads = try await rights.reads(on: connection)
                    #expect(reads == !statements.contains("noinherit"))
                }
            }
            #expect(try await !ReaderRightsStore(schema: "nothing").reads(on: owner))
        }
    }

    @Test func `two hundred tenants' schemas are looked through in a moment`() async throws {
        try await withDatabase { database in
            let owner = try await database.connect()
            defer { owner.close() }
            try await owner.script(Self.scene)
            try await owner.script(
                """
                do $$ begin for i in 1..200 loop
                  execute format('create schema tenant_%s', i);
                  execute format('create table tenant_%s._trigger_log (id int)', i);
                end loop; end $$
                """)
            try await withReader("select 1", database, owner) { connection in
                let start = ContinuousClock.now
                let excess = try await ReaderRightsStore(schema: Self.schema).excess(on: connection)
                #expect(excess == nil && ContinuousClock.now - start < .seconds(2))
            }
        }
    }
}
