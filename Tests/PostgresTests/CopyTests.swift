import Foundation
import Postgres
import Reactor
import Support
import Testing

@Suite(.tags(.store))
struct CopyTests {
    private let statement: SQL = "copy t (a, b) from stdin with (format csv)"

    private func table(_ database: TestDatabase) async throws -> PostgresConnection {
        let connection = try await database.connect()
        try await connection.script("create table t (a int, b text)")
        return connection
    }

    private func lines(_ range: Range<Int>) -> [UInt8] {
        range.flatMap { Array("\($0),\"row \($0), \"\"quoted\"\"\"\n".utf8) }
    }

    @Test func `rows are copied in, split at any byte, and out again`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            let bytes = lines(0..<1000)
            let count = try await connection.copyIn(statement) { copy in
                for start in stride(from: 0, to: bytes.count, by: 997) {
                    try await copy.write(bytes[start..<min(start + 997, bytes.count)])
                }
            }
            #expect(count == 1000)
            #expect(connection.isIdle)
            let out = try await connection.copyOut(
                "copy (select a, b from t order by a) to stdout (format csv)")
            var read: [UInt8] = []
            while let chunk = try await out.next() { read += chunk }
            #expect(read == bytes)
            #expect(connection.isIdle)
        }
    }

    @Test func `a hundred megabytes are copied`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            let line = Array(("7," + String(repeating: "x", count: 997) + "\n").utf8)
            let megabyte = [UInt8]((0..<1000).flatMap { _ in line })
            let rows = try await connection.copyIn(statement) { copy in
                for _ in 0..<100 { try await copy.write(megabyte) }
            }
            #expect(rows == 100_000)
            let out = try await connection.copyOut("copy t to stdout (format csv)")
            var (size, largest) = (0, 0)
            while let part = try await out.next() {
                size += part.count
                largest = max(largest, part.count)
            }
            #expect(size == 100 * megabyte.count)
            #expect(largest < 128 * 1024)
        }
    }

    @Test func `a server that stops reading stops the writer, and buffers stay small`() async throws {
        try await withDatabase { database in
            let (connection, other) = (try await table(database), try await database.connect())
            try await connection.script(
                """
                create function wait() returns trigger language plpgsql as $$
                begin perform pg_advisory_xact_lock(1); return new; end $$;
                create trigger wait before insert on t for each row execute function wait();
                """)
            try await other.execute("select pg_advisory_lock(1)")
            let chunk = lines(0..<5000)
            let copy = try await connection.copyIn(statement, deadline: .now + .seconds(1))
            var written = 0
            let error = await #expect(throws: PostgresError.self) {
                while written < 200_000_000 {
                    try await copy.write(chunk)
                    written += chunk.count
                }
            }
            #expect(error?.code == .timedOut)
            // The kernel's buffers on both sides, and ours.
            #expect(written < 50_000_000)
            #expect(connection.isIdle)
        }
    }

    @Test func `a refused row is reported long before the end, with its line`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            let good = lines(0..<10_000)
            let copy = try await connection.copyIn(statement)
            try await copy.write(lines(0..<5) + Array("100.0,no integer\n".utf8))
            var written = 0
            let error = await #expect(throws: PostgresError.self) {
                while written < 400_000_000 {
                    try await copy.write(good)
                    written += good.count
                }
            }
            #expect(error?.sqlState == .invalidTextRepresentation)
            #expect(error?.context?.contains("line 6") == true)
            #expect(written < 100_000_000)
            #expect(connection.isIdle)
            let again = await #expect(throws: PostgresError.self) { try await copy.write(good) }
            #expect(again?.code == .invalidArgument)
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 0)
        }
    }

    @Test func `a row refused at the end is reported by finish`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            let copy = try await connection.copyIn(statement)
            try await copy.write(Array("1,a\nb,2\n".utf8))
            let error = await #expect(throws: PostgresError.self) { try await copy.finish() }
            #expect(error?.sqlState == .invalidTextRepresentation)
            #expect(connection.isIdle)
        }
    }

    @Test func `notices during a copy do not end it`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            try await connection.script(
                """
                create function shout() returns trigger language plpgsql as $$
                begin raise warning 'row %', new.a; return new; end $$;
                create trigger shout before insert on t for each row execute function shout();
                listen c; select pg_notify('c', 'before');
                """)
            let rows = try await connection.copyIn(statement) { copy in
                for start in 0..<100 { try await copy.write(lines(start * 1000..<start * 1000 + 1000)) }
            }
            #expect(rows == 100_000)
        }
    }

    @Test func `a failed copy keeps no rows`() async throws {
        struct Refusal: Error {}
        try await withDatabase { database in
            let connection = try await table(database)
            await #expect(throws: Refusal.self) {
                try await connection.copyIn(statement) { copy in
                    try await copy.write(lines(0..<10))
                    throw Refusal()
                }
            }
            #expect(connection.isIdle)
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 0)
        }
    }

    @Test func `a cancelled copy ends, and the connection is ready`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            let other = try await database.connect()
            try await other.transaction { other in
                // The server reads nothing of the copy while another session locks the table.
                try await other.execute("lock table t")
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await connection.copyIn(statement) { copy in
                            for _ in 0..<100 { try await copy.write(lines(0..<10_000)) }
                        }
                    }
                    try await eventually("the copy waits") { !connection.isIdle }
                    group.cancelAll()
                    await #expect(throws: CancellationError.self) { try await group.next() }
                }
            }
            #expect(connection.isIdle)
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 0)
        }
    }

    @Test func `a copy in a transaction belongs to it`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            try await connection.transaction { connection in
                _ = try await connection.copyIn(statement) { try await $0.write(lines(0..<10)) }
                let error = await #expect(throws: PostgresError.self) {
                    try await connection.transaction { connection in
                        try await connection.copyIn(statement) { try await $0.write(Array("x,y\n".utf8)) }
                    }
                }
                #expect(error?.sqlState == .invalidTextRepresentation)
            }
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 10)
            let left = await #expect(throws: PostgresError.self) {
                try await connection.transaction { connection in
                    try await connection.copyIn(statement).write(lines(0..<10))
                }
            }
            #expect(left?.code == .busy)
            #expect(connection.isIdle)
            #expect(try await connection.query("select count(*) from t").scalar(as: Int.self) == 10)
        }
    }

    @Test func `a copy out may be stopped`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            let out = try await connection.copyOut("copy (select generate_series(1, 10000000)) to stdout")
            #expect(try await out.next() != nil)
            await out.stop()
            #expect(try await out.next() == nil)
            #expect(connection.isIdle)
            #expect(try await connection.query("select 1").scalar(as: Int.self) == 1)
        }
    }

    @Test func `a statement that is not a copy, or one in the wrong direction, is refused`() async throws {
        try await withDatabase { database in
            let connection = try await table(database)
            for wrong: SQL in ["select 1", "copy t to stdout", "copy no_such_table from stdin"] {
                await #expect(throws: PostgresError.self) { try await connection.copyIn(wrong) }
                #expect(connection.isIdle)
            }
            await #expect(throws: PostgresError.self) { try await connection.copyOut("copy t from stdin") }
            await #expect(throws: PostgresError.self) { try await connection.query("copy t from stdin") }
            await #expect(throws: PostgresError.self) { try await connection.script("copy t to stdout") }
            #expect(connection.isIdle)
            #expect(try await connection.query("select 1").scalar(as: Int.self) == 1)
        }
    }
}
