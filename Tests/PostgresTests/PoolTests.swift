import Postgres
import Reactor
import Support
import Synchronization
import Testing

@Suite(.tags(.store))
struct PoolTests {
    private func sessions(_ observer: PostgresConnection) async throws -> Int {
        try await observer.query(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        ).scalar()
    }

    @Test func `many tasks share few connections`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 3)
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<100 {
                    group.addTask { try await pool.query("select \(index)::int").scalar() }
                }
                var sum = 0
                for try await value in group { sum += value }
                #expect(sum == 4950)
            }
            #expect(pool.count <= 3)
            #expect(pool.idleCount == pool.count)
            pool.close()
            await #expect(throws: PostgresError.self) { try await pool.query("select 1") }
        }
    }

    @Test func `when one connection finds its server read-only, the pool closes all idle connections`()
        async throws
    {
        try await withDatabase { database in
            let pool = database.pool(maximum: 3)
            try await pool.withConnection { first in
                try await pool.withConnection { second in
                    try await pool.withConnection { third in
                        try await first.script("create table t (a int)")
                        // As on a standby, or a primary that became one.
                        for connection in [first, second, third] {
                            try await connection.script("set default_transaction_read_only = on")
                        }
                    }
                }
            }
            #expect(pool.idleCount == 3)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute("insert into t values (1)")
            }
            #expect(error?.sqlState == .readOnlyTransaction)
            #expect(pool.count == 0)
            #expect(try await pool.execute("insert into t values (1)") == 1)
            pool.close()
        }
    }

    @Test func `an exhausted pool refuses at the deadline, and recovers`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 1)
            try await pool.withConnection { _ in
                let error = await #expect(throws: PostgresError.self) {
                    try await pool.query("select 1", deadline: .now + .milliseconds(50))
                }
                #expect(error?.code == .poolExhausted)
                #expect(pool.waiterCount == 0)
            }
            #expect(try await pool.query("select 1").scalar(as: Int.self) == 1)
            pool.close()
        }
    }

    @Test func `a connection to a server that became a standby is not used again`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 1)
            // As for sessions of a primary after its demotion.
            try await pool.execute("set default_transaction_read_only = on")
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute("create table t (a int)")
            }
            #expect(error?.sqlState == .readOnlyTransaction && error?.isTransient == true)
            try await pool.execute("create table t (a int)")
            pool.close()
        }
    }

    @Test func `a cancelled waiter leaves the queue`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 1)
            try await pool.withConnection { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await pool.execute("select 1") }
                    try await eventually("it waits") { pool.waiterCount == 1 }
                    group.cancelAll()
                    await #expect(throws: CancellationError.self) { try await group.next() }
                }
                #expect(pool.waiterCount == 0)
            }
            pool.close()
        }
    }

    @Test func `a closed pool refuses waiting tasks`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 1)
            try await pool.withConnection { _ in
                async let error = #expect(throws: PostgresError.self) { try await pool.query("select 1") }
                try await eventually("it waits") { pool.waiterCount == 1 }
                pool.close()
                #expect(await error?.code == .closed)
            }
            #expect(pool.count == 0)
        }
    }

    @Test func `a connection released in a transaction is not reused`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 1)
            let first = try await pool.withConnection { connection in
                try await connection.script("begin")
                return connection.backendProcess
            }
            let second = try await pool.withConnection { $0.backendProcess }
            #expect(first != second)
            pool.close()
        }
    }

    @Test func `connections killed while idle are replaced without an error`() async throws {
        try await withDatabase { database in
            let pool = database.pool(maximum: 3)
            let killer = try await database.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await pool.execute("select pg_sleep(0.05)") } }
                try await group.waitForAll()
            }
            try await killer.execute(
                """
                select pg_terminate_backend(pid, 5000) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                """)
            for _ in 0..<3 { #expect(try await pool.query("select 1").scalar(as: Int.self) == 1) }
            pool.close()
        }
    }

    @Test func `idle connections are checked before use and closed later`() async throws {
        try await withDatabase { database in
            var settings = PoolMachine.Settings(maximum: 2)
            settings.checkAfterIdle = .zero
            settings.closeAfterIdle = .milliseconds(100)
            let pool = PostgresPool(configuration: database.configuration, settings: settings)
            let observer = try await database.connect()
            try await pool.execute("select 1")
            try await pool.execute("select 1")
            try await eventually("the session has ended") { try await sessions(observer) == 0 }
            #expect(pool.count == 0)
            #expect(try await pool.query("select 1").scalar(as: Int.self) == 1)
            pool.close()
        }
    }

    @Test func `a server that cannot be reached fails every waiter soon`() async throws {
        try await withLoop {
            let pool = PostgresPool(
                configuration: try PostgresConfiguration(url: "postgres://u@127.0.0.1:1/x"), maximum: 1)
            await withTaskGroup(of: PostgresError.Code?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do {
                            try await pool.execute("select 1")
                            return nil
                        } catch {
                            return (error as? PostgresError)?.code
                        }
                    }
                }
                for await code in group { #expect(code == .connection) }
            }
            #expect(pool.count == 0)
            pool.close()
        }
    }
}
