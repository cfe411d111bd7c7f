import Foundation
import Postgres
import Reactor
import Support
import Testing

@Suite(.tags(.store))
struct ConnectionTests {
    @Test func `values of every type survive a round trip`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let id = UUID()
            let moment = Date(timeIntervalSince1970: 1_732_161_144.123456)
            let bytes = [UInt8](0...255)
            let row = try #require(
                try await connection.query(
                    """
                    select \(true)::bool as b, \(Int.min)::bigint as i, \(0.1)::float8 as d,
                        \("it's \\ ☃")::text as t, \(id)::uuid as u, \(moment)::timestamptz as m, \(bytes) as y,
                        \([id, id])::uuid[] as us, \(["a", nil, "b,\"c"] as [String?])::text[] as ts,
                        \([bytes, []])::bytea[] as ys, \(String?.none)::text as n, \(Duration.milliseconds(90_500)) as v
                    """
                ).first)
            #expect(try row["b", as: Bool.self])
            #expect(try row["i", as: Int.self] == .min)
            #expect(try row["d", as: Double.self] == 0.1)
            #expect(try row["t", as: String.self] == "it's \\ ☃")
            #expect(try row["u", as: UUID.self] == id)
            #expect(abs(try row["m", as: Date.self].timeIntervalSince(moment)) < 1e-6)
            #expect(try row["y", as: [UInt8].self] == bytes)
            #expect(try row["us", as: [UUID].self] == [id, id])
            #expect(try row["ts", as: [String?].self] == ["a", nil, "b,\"c"])
            #expect(try row["n", as: String?.self] == nil)
            #expect(try row["v", as: String.self] == "00:01:30.5")
            #expect(throws: PostgresError.self) { try row["n", as: String.self] }
            #expect(throws: PostgresError.self) { try row["nothing", as: String.self] }
            #expect(throws: PostgresError.self) { try row["t", as: Int.self] }
        }
    }

    @Test func `execute counts rows, a script runs many statements`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int); insert into t select generate_series(1, 5)")
            #expect(try await connection.execute("update t set a = a + 1 where a > \(2)") == 3)
            #expect(
                try await connection.query("select a from t order by a").column(as: Int.self) == [
                    1, 2, 4, 5, 6,
                ])
            #expect(try await connection.query("select a from t where false").isEmpty)
        }
    }

    @Test func `a violated constraint is named, and the connection stays usable`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int constraint once unique)")
            try await connection.execute("insert into t values (1)")
            let error = await #expect(throws: PostgresError.self) {
                try await connection.execute("insert into t values (\(1))")
            }
            #expect(error?.isUniqueViolation == true)
            #expect(error?.constraint == "once")
            #expect(error?.table == "t")
            #expect(connection.isIdle)
            let syntax = await #expect(throws: PostgresError.self) { try await connection.execute("selec 1") }
            #expect(syntax?.sqlState == "42601")
            #expect(syntax?.position == 1)
        }
    }

    @Test func `text with a NUL is refused before it is sent`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let error = await #expect(throws: PostgresError.self) {
                try await connection.query("select \("a\0b")::text")
            }
            #expect(error?.code == .invalidArgument)
            await #expect(throws: PostgresError.self) {
                try await connection.script("select 1\0; drop table x")
            }
            #expect(connection.isIdle)
        }
    }

    @Test func `a statement that is used often is prepared, and survives a change of its table`() async throws
    {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int); insert into t values (1)")
            for _ in 0..<4 { #expect(try await connection.query("select * from t").count == 1) }
            let prepared: Int = try await connection.query(
                "select count(*) from pg_prepared_statements where statement = 'select * from t'"
            ).scalar()
            #expect(prepared == 1)
            try await connection.script("alter table t add column b text")
            #expect(try await connection.query("select * from t").columnNames == ["a", "b"])
            try await connection.script("discard all")
            for _ in 0..<4 { #expect(try await connection.query("select * from t").count == 1) }
        }
    }

    @Test func `times are read correctly from a server in any time zone`() async throws {
        try await withDatabase { database in
            let admin = try await database.connect()
            try await admin.script(
                """
                alter database \(SQL.quote(identifier: database.name)) set TimeZone = 'America/St_Johns';
                alter database \(SQL.quote(identifier: database.name)) set DateStyle = 'German';
                alter database \(SQL.quote(identifier: database.name)) set bytea_output = 'escape';
                alter database \(SQL.quote(identifier: database.name)) set standard_conforming_strings = off;
                """)
            let connection = try await database.connect()
            let moment = Date(timeIntervalSince1970: 1_720_000_000)
            let row = try #require(
                try await connection.query(
                    """
                    select \(moment)::timestamptz as m, now() as n, \([UInt8(7), 0]) as y, \(literal: "a\\b") as t
                    """
                ).first)
            #expect(try row["m", as: Date.self] == moment)
            #expect(abs(try row["n", as: Date.self].timeIntervalSinceNow) < 600)
            #expect(try row["y", as: [UInt8].self] == [7, 0])
            #expect(try row["t", as: String.self] == "a\\b")
        }
    }

    @Test func `an unreachable server is a connection error`() async throws {
        try await withLoop {
            let refused = try PostgresConfiguration(url: "postgres://u@127.0.0.1:1/x")
            let error = await #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(refused)
            }
            #expect(error?.code == .connection)
            #expect(error?.isTransient == true)
            #expect(error?.description.contains("Connection refused") == true, "\(error?.description ?? "")")
            let unknown = try PostgresConfiguration(url: "postgres://u@no-such-host.invalid/x")
            let unresolved = await #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(unknown)
            }
            #expect(unresolved?.code == .connection)
            #expect(unresolved?.description.contains("no-such-host.invalid") == true)
        }
    }

    @Test func `a silent server times out`() async throws {
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            let silent = try PostgresConfiguration(url: "postgres://u@127.0.0.1:\(listener.address.port)/x")
            let error = await #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(silent, deadline: .now + .milliseconds(200))
            }
            #expect(error?.code == .timedOut)
            #expect(error?.description.contains("127.0.0.1, port \(listener.address.port)") == true)
        }
    }

    @Test func `a server without required TLS is refused with the reason`() async throws {
        try await withDatabase { database in
            let plain = try PostgresConfiguration(url: database.url + "?sslmode=require")
            let error = await #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(plain)
            }
            #expect(
                error?.description.contains("does not support SSL") == true, "\(error?.description ?? "")")
        }
    }

    @Test func `a connection to a read-only server is closed, unless the transaction is read-only`()
        async throws
    {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int)")
            let asked = await #expect(throws: PostgresError.self) {
                try await connection.transaction(isolation: .snapshot) { connection in
                    try await connection.execute("insert into t values (1)")
                }
            }
            #expect(asked?.code == .server)
            #expect(connection.isIdle)
            // As on a standby, or a primary that became one.
            try await connection.script("set default_transaction_read_only = on")
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { connection in
                    try await connection.execute("insert into t values (1)")
                }
            }
            #expect(error?.sqlState == .readOnlyTransaction)
            #expect(error?.isTransient == true && error?.isConnectionLoss == true)
            #expect(!connection.isUsable)
        }
    }

    @Test func `the next host is tried when one does not answer`() async throws {
        try await withDatabase { database in
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            let components = try #require(URLComponents(string: database.url))
            let (host, port) = (components.host ?? "", components.port ?? 5432)
            let url =
                "postgres://postgres@127.0.0.1:1,127.0.0.1:\(listener.address.port),\(host):\(port)/postgres"
            let connection = try await PostgresConnection.connect(
                PostgresConfiguration(url: url), deadline: .now + .seconds(2))
            #expect(connection.isIdle)
        }
    }

    @Test func `a wrong password has its code and is not tried on other addresses`() async throws {
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            defer { listener.close() }
            let port = listener.address.port
            let url = "postgres://ann:wrong@127.0.0.1:\(port),127.0.0.1:\(port)/x?sslmode=disable"
            let configuration = try PostgresConfiguration(url: url)
            // The test server trusts all clients, so this one sends the answer to a wrong password.
            async let error = #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(configuration)
            }
            let socket = try await listener.accept()
            var buffer = ReadBuffer(capacity: 4096)
            _ = try await socket.read(into: &buffer, deadline: .now + .seconds(30))
            let fields = "SFATAL\0VFATAL\0C28P01\0Mle mot de passe est faux\0\0"
            let length = UInt8(fields.utf8.count + 4)
            let refusal = [UInt8(ascii: "E"), 0, 0, 0, length] + Array(fields.utf8)
            try await socket.write(refusal, deadline: .now + .seconds(30))
            socket.close()
            let told = await error
            #expect(told?.sqlState == .invalidPassword)
            #expect(told?.isTransient == false)
            #expect(told?.debugDescription.contains("wrong") == false)
        }
    }

    @Test func `an unknown database has its code`() async throws {
        try await withDatabase { database in
            var configuration = database.configuration
            configuration.database = "no such database"
            let unknown = configuration
            let error = await #expect(throws: PostgresError.self) {
                try await PostgresConnection.connect(unknown)
            }
            #expect(error?.sqlState == .unknownDatabase)
            #expect(error?.code == .connection)
        }
    }

    @Test func `a connection by Unix socket works`() async throws {
        try await withDatabase { database in
            let admin = try await database.connect()
            let directories: String = try await admin.query("show unix_socket_directories").scalar()
            let directory = try #require(directories.split(separator: ",").first)
            let port: String = try await admin.query("show port").scalar()
            let configuration = try PostgresConfiguration(
                url: "postgresql:///\(database.name)?host=\(directory)&port=\(port)&user=postgres")
            let connection = try await PostgresConnection.connect(configuration)
            #expect(try await connection.query("select inet_client_addr() is null").scalar(as: Bool.self))
        }
    }

    @Test func `a killed backend is a lost connection`() async throws {
        try await withDatabase { database in
            let (victim, killer) = (try await database.connect(), try await database.connect())
            let process = victim.backendProcess
            async let error = #expect(throws: PostgresError.self) {
                try await victim.query("select pg_sleep(60)")
            }
            try await eventually("the victim sleeps") {
                try await killer.query(
                    "select wait_event = 'PgSleep' from pg_stat_activity where pid = \(process)"
                ).scalar(as: Bool?.self) == true
            }
            try await killer.execute("select pg_terminate_backend(\(process))")
            let told = await error
            #expect(told?.isConnectionLoss == true)
            #expect(told?.sqlState == .adminShutdown)
            #expect(!victim.isUsable)
            let later = await #expect(throws: PostgresError.self) { try await victim.query("select 1") }
            #expect(later?.code == .closed)
        }
    }

    @Test func `a cancelled task cancels its statement, and the connection is used again`() async throws {
        try await withDatabase { database in
            let (connection, observer) = (try await database.connect(), try await database.connect())
            let process = connection.backendProcess
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await connection.query("select pg_sleep(60)") }
                try await eventually("the statement runs") {
                    try await observer.query(
                        "select coalesce(bool_or(wait_event = 'PgSleep'), false) from pg_stat_activity where pid = \(process)"
                    ).scalar()
                }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            #expect(connection.isIdle)
            #expect(connection.backendProcess == process)
            #expect(try await connection.query("select 1").scalar(as: Int.self) == 1)
        }
    }

    @Test func `a statement past its deadline is cancelled on the server`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let error = await #expect(throws: PostgresError.self) {
                try await connection.query("select pg_sleep(60)", deadline: .now + .milliseconds(100))
            }
            #expect(error?.code == .timedOut)
            #expect(connection.isIdle)
            #expect(try await connection.query("select 1").scalar(as: Int.self) == 1)
        }
    }

    @Test func `the server's own timeout is a server error`() async throws {
        try await withDatabase { database in
            var configuration = database.configuration
            configuration.statementTimeout = .milliseconds(50)
            let connection = try await PostgresConnection.connect(configuration)
            let error = await #expect(throws: PostgresError.self) {
                try await connection.query("select pg_sleep(60)")
            }
            #expect(error?.sqlState == .queryCancelled)
            #expect(connection.isIdle)
        }
    }

    @Test func `a second task on a busy connection is refused`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await connection.query("select pg_sleep(0.2)") }
                try await eventually("it is busy") { !connection.isIdle }
                let error = await #expect(throws: PostgresError.self) {
                    try await connection.query("select 1")
                }
                #expect(error?.code == .busy)
                try await group.waitForAll()
            }
            #expect(connection.isIdle)
        }
    }

    @Test func `a pipeline returns its results in order and names the failed statement`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int primary key)")
            let answers = try await connection.pipeline(
                (0..<500).map { "insert into t values (\($0)) returning a" })
            #expect(try answers.map { try $0.scalar(as: Int.self) } == Array(0..<500))
            let error = await #expect(throws: PostgresError.self) {
                try await connection.pipeline([
                    "insert into t values (1000)", "insert into t values (1)", "insert into t values (1001)",
                ])
            }
            #expect(error?.isUniqueViolation == true)
            #expect(error?.statementIndex == 1)
            #expect(connection.isIdle)
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 500)
        }
    }

    @Test func `a pipeline prepares repeated statements and recovers from a stale plan`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int primary key)")
            let prepared: SQL = "select count(*) from pg_prepared_statements where statement like 'insert%'"
            for round in 0..<3 {
                let base = round * 10
                let statements: [SQL] = (0..<3).map { "insert into t values (\(base + $0)) returning *" }
                #expect(try await connection.pipeline(statements).count == 3)
                #expect(try await connection.query(prepared).scalar(as: Int.self) == 1)
            }
            // One of the statements fails: the plan is still valid, and nothing was kept.
            await #expect(throws: PostgresError.self) {
                try await connection.pipeline([
                    "insert into t values (\(100)) returning *", "insert into t values (\(0)) returning *",
                ])
            }
            // The plan's columns are no longer those of the table.
            try await connection.script("alter table t add b int")
            let rows = try await connection.pipeline([
                "insert into t values (\(200)) returning *", "insert into t values (\(201)) returning *",
            ])
            #expect(rows.map(\.columnNames) == [["a", "b"], ["a", "b"]])
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 11)
            #expect(connection.isIdle)
        }
    }

    @Test func `a pipeline with large results does not deadlock`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let big = String(repeating: "x", count: 100_000)
            let answers = try await connection.pipeline((0..<200).map { _ in "select \(big)::text" })
            #expect(answers.count == 200)
        }
    }

    @Test func `a large value survives a round trip`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let big = [UInt8](repeating: 7, count: 20_000_000)
            let echoed: Int = try await connection.query("select length(\(big))").scalar()
            #expect(echoed == big.count)
            #expect(
                try await connection.query("select repeat('x', 30000000)").scalar(as: String.self).utf8.count
                    == 30_000_000)
        }
    }
}
