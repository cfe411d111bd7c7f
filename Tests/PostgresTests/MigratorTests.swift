import Foundation
import Postgres
import Reactor
import Support
import Testing

@Suite(.tags(.store))
struct MigratorTests {
    /// A directory with these files, removed at the end.
    private func withFiles<R: Sendable>(
        _ files: [String: String], _ body: (String) async throws -> R
    ) async throws -> R {
        let directory = NSTemporaryDirectory() + "migrations-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        for (name, text) in files {
            try text.write(toFile: "\(directory)/\(name)", atomically: false, encoding: .utf8)
        }
        return try await body(directory)
    }

    private let files = [
        "0001_create_things.sql": "create table multiconnect.things (a int);\nselect ';'",
        "0002_add_column.sql": "alter table multiconnect.things add b text;",
        "README.md": "no migration",
    ]

    @Test func `pending files are run once, in order, and recorded with a checksum`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await withFiles(files) { directory async throws in
                let migrator = Migrator(directory: directory)
                #expect(
                    try await migrator.pending(on: connection) == ["0001_create_things", "0002_add_column"])
                #expect(
                    try await migrator.migrate(on: connection) == ["0001_create_things", "0002_add_column"])
                #expect(try await migrator.migrate(on: connection) == [])
                #expect(try await migrator.pending(on: connection) == [])
            }
            let row = try #require(
                try await connection.query("select * from multiconnect.migrations order by version").first)
            // printf %s '<text of the file>' | sha256sum
            let checksum: String = try await connection.query(
                "select encode(sha256(convert_to(\(files["0001_create_things.sql"] ?? ""), 'UTF8')), 'hex')"
            ).scalar()
            #expect(try row["checksum", as: String.self] == checksum)
            #expect(try row["name", as: String.self] == "0001_create_things")
        }
    }

    @Test func `a failed migration changes nothing and is named`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            var files = files
            files["0003_break_it.sql"] = "create table multiconnect.half (a int); select 1/0;"
            try await withFiles(files) { directory async throws in
                let error = await #expect(throws: PostgresError.self) {
                    try await Migrator(directory: directory).migrate(on: connection)
                }
                #expect(error?.sqlState == "22012")
                #expect(error?.context?.contains("0003_break_it") == true)
                #expect(try await Migrator(directory: directory).pending(on: connection) == ["0003_break_it"])
            }
            #expect(
                try await connection.query("select to_regclass('multiconnect.half') is null").scalar(
                    as: Bool.self))
            #expect(connection.isIdle)
        }
    }

    @Test func `a changed file is refused before anything is run`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            _ = try await withFiles(files) { try await Migrator(directory: $0).migrate(on: connection) }
            var changed = files
            changed["0002_add_column.sql"] = "alter table multiconnect.things add c text;"
            changed["0003_add_more.sql"] = "create table multiconnect.more (a int);"
            try await withFiles(changed) { directory async throws in
                let error = await #expect(throws: PostgresError.self) {
                    try await Migrator(directory: directory).migrate(on: connection)
                }
                #expect(error?.code == .migration)
                #expect(error?.description.contains("0002_add_column") == true)
            }
            #expect(
                try await connection.query("select to_regclass('multiconnect.more') is null").scalar(
                    as: Bool.self))
        }
    }

    @Test func `a file with an invalid name and a missing directory are refused`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await withFiles(["1_oops.sql": "select 1"]) { directory async throws in
                let error = await #expect(throws: PostgresError.self) {
                    try await Migrator(directory: directory).migrate(on: connection)
                }
                #expect(error?.code == .migration)
            }
            await #expect(throws: PostgresError.self) {
                try await Migrator(directory: "/nonexistent").migrate(on: connection)
            }
        }
    }

    @Test
    func `a migration without a transaction builds an index concurrently, also while others wait to migrate`()
        async throws
    {
        try await withDatabase { database in
            var files = files
            files["0003_add_index.sql"] = """
                -- no transaction
                create index concurrently if not exists things_a on multiconnect.things (a);
                create index concurrently if not exists things_b on multiconnect.things (b);
                """
            try await withFiles(files) { directory async throws in
                let applied = try await withThrowingTaskGroup(of: [String].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            let connection = try await database.connect()
                            return try await Migrator(directory: directory).migrate(on: connection)
                        }
                    }
                    var applied: [[String]] = []
                    for try await names in group { applied.append(names) }
                    return applied
                }
                // One of them did all the work.
                #expect(applied.map(\.count).sorted() == [0, 0, 0, 3])
            }
            let connection = try await database.connect()
            let indexes: Int = try await connection.query(
                "select count(*) from pg_indexes where schemaname = 'multiconnect' and tablename = 'things'"
            ).scalar()
            #expect(indexes == 2)
        }
    }

    @Test func `an ordinary role that owns the schema may migrate`() async throws {
        try await withDatabase { database in
            let admin = try await database.connect()
            let role = "role_of_" + database.name
            try await admin.script(
                "create role \(role) login; create schema multiconnect authorization \(role)")
            var configuration = database.configuration
            configuration.user = role
            let connection = try await PostgresConnection.connect(configuration)
            try await withFiles(files) { directory async throws in
                #expect(try await Migrator(directory: directory).migrate(on: connection).count == 2)
            }
            connection.close()
            try await admin.script("drop owned by \(role) cascade; drop role \(role)")
        }
    }

    @Test func `each schema has its own record`() async throws {
        try await withDatabase { database in
            let connection = try await database.connect()
            try await withFiles(["0001_create_x.sql": "create table multiconnect_sync.x (a int)"]) {
                directory async throws in
                let migrator = Migrator(directory: directory, schema: "multiconnect_sync")
                #expect(try await migrator.migrate(on: connection) == ["0001_create_x"])
            }
            try await withFiles(files) { directory async throws in
                #expect(try await Migrator(directory: directory).migrate(on: connection).count == 2)
            }
        }
    }
}
