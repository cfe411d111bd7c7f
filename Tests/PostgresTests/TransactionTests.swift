import Foundation
import Postgres
import Reactor
import Support
import Testing

@Suite(.tags(.store))
struct TransactionTests {
    private struct Refusal: Error {}

    private func rows(_ connection: PostgresConnection) async throws -> [Int] {
        try await connection.query("select a from t order by a").column()
    }

    @Test func `a transaction commits what its body did, or nothing`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int)")
            try await connection.transaction { try await $0.execute("insert into t values (1)") }
            await #expect(throws: Refusal.self) {
                try await connection.transaction { connection in
                    try await connection.execute("insert into t values (2)")
                    throw Refusal()
                }
            }
            #expect(try await rows(connection) == [1])
            #expect(connection.isIdle)
        }
    }

    @Test func `a transaction inside of a transaction is a savepoint`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int unique)")
            try await connection.transaction { connection in
                try await connection.execute("insert into t values (1)")
                await #expect(throws: PostgresError.self) {
                    try await connection.transaction { connection in
                        try await connection.execute("insert into t values (2)")
                        try await connection.execute("insert into t values (1)")
                    }
                }
                try await connection.transaction { try await $0.execute("insert into t values (3)") }
            }
            #expect(try await rows(connection) == [1, 3])
        }
    }

    @Test func `a commit that the server turns into a roll-back is an error`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int)")
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { connection in
                    try await connection.execute("insert into t values (1)")
                    _ = try? await connection.execute("select 1/0")
                }
            }
            #expect(error?.sqlState == .inFailedTransaction)
            #expect(try await rows(connection) == [])
        }
    }

    @Test func `a commit that a deferred constraint refuses throws its code`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await connection.script("create table t (a int unique deferrable initially deferred)")
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { try await $0.execute("insert into t values (1), (1)") }
            }
            #expect(error?.isUniqueViolation == true)
            #expect(connection.isIdle)
        }
    }

    @Test func `serialization failures are transient`() async throws {
        try await withDatabase { database in
            let (one, two) = (try await database.connect(), try await database.connect())
            try await one.script("create table t (a int); insert into t values (1)")
            let error = await #expect(throws: PostgresError.self) {
                try await one.transaction(isolation: .repeatableRead) { one in
                    _ = try await one.query("select * from t")
                    try await two.execute("update t set a = 2")
                    try await one.execute("update t set a = 3")
                }
            }
            #expect(error?.sqlState == .serializationFailure)
            #expect(error?.isTransient == true)
            let readOnly = await #expect(throws: PostgresError.self) {
                try await one.transaction(isolation: .snapshot) { try await $0.execute("delete from t") }
            }
            #expect(readOnly?.sqlState == "25006")
        }
    }

    @Test func `a lock timeout has its code`() async throws {
        try await withDatabase { database in
            let (one, two) = (try await database.connect(), try await database.connect())
            try await one.script("create table t (a int)")
            let error = try await one.transaction { one in
                try await one.execute("lock table t")
                return await #expect(throws: PostgresError.self) {
                    try await two.script("set lock_timeout = '20ms'; select * from t")
                }
            }
            #expect(error?.sqlState == .lockNotAvailable)
        }
    }

    @Test func `a cancelled task still rolls back`() async throws {
        try await withDatabase { database in
            let (connection, observer) = (try await database.connect(), try await database.connect())
            try await connection.script("create table t (a int)")
            let process = connection.backendProcess
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await connection.transaction { connection in
                        try await connection.execute("insert into t values (1)")
                        try await EventLoop.current.sleep(for: .seconds(60))
                    }
                }
                try await eventually("the transaction is open") {
                    try await observer.query(
                        "select coalesce(bool_or(state = 'idle in transaction'), false) from pg_stat_activity where pid = \(process)"
                    ).scalar()
                }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            #expect(connection.isIdle)
            #expect(connection.backendProcess == process)
            #expect(try await rows(connection) == [])
        }
    }

    @Test func `a task that is cancelled in the middle of a statement rolls back too`() async throws {
        try await withDatabase { database in
            let (connection, observer) = (try await database.connect(), try await database.connect())
            try await connection.script("create table t (a int)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await connection.transaction { connection in
                        try await connection.execute("insert into t values (1)")
                        _ = try await connection.query("select pg_sleep(60)")
                    }
                }
                try await eventually("the statement runs") {
                    try await observer.query(
                        "select coalesce(bool_or(wait_event = 'PgSleep'), false) from pg_stat_activity"
                    ).scalar()
                }
                group.cancelAll()
                await #expect(throws: CancellationError.self) { try await group.next() }
            }
            #expect(connection.isIdle)
            #expect(try await rows(connection) == [])
        }
    }

    @Test func `a connection lost in a transaction fails it, and nothing is in doubt`() async throws {
        try await withDatabase { database in
            let (connection, killer) = (try await database.connect(), try await database.connect())
            let process = connection.backendProcess
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { connection in
                    try await killer.execute("select pg_terminate_backend(\(process))")
                    _ = try await connection.query("select 1")
                }
            }
            #expect(error?.isConnectionLoss == true)
            #expect(error?.code == .connection)
        }
    }

    @Test func `a connection lost at the commit leaves the commit in doubt`() async throws {
        try await withDatabase { database in
            let (connection, killer) = (try await database.connect(), try await database.connect())
            let process = connection.backendProcess
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { _ in
                    try await killer.execute("select pg_terminate_backend(\(process))")
                }
            }
            #expect(error?.code == .commitInDoubt)
            #expect(error?.isTransient == false)
            #expect(!connection.isUsable)
        }
    }
}
