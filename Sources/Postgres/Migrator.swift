import FoundationEssentials
import Reactor

/// Applies the migration files of a directory to a schema, in order, each exactly once.
///
/// Files are named `NNNN_verb_object.sql`. Each runs in a transaction together with its record, unless its
/// first line is `-- no transaction`. Several processes may start at once: one migrates, and the others wait
/// and find no pending migration.
package struct Migrator: Sendable {
    private let directory: String
    private let schema: String

    /// - Parameters:
    ///   - directory: subdirectories are ignored.
    ///   - schema: the schema of the record, created if missing.
    package init(directory: String, schema: String = "multiconnect") {
        self.directory = directory
        self.schema = schema
    }

    /// Runs the pending migrations and returns their names in order.
    ///
    /// - Throws: `.migration` if files and record do not agree, before anything is run; the error of a
    ///   migration's statement, with the migration's name in `context`.
    @discardableResult
    package func migrate(on connection: PostgresConnection) async throws -> [String] {
        let files = try await readFiles()
        let store = MigrationStore(connection: connection, schema: schema)
        try await lock(store)
        do {
            try await store.prepare()
            let plan = try await plan(files, store)
            for (migration, checksum) in plan { try await run(migration, checksum: checksum, store) }
            try await store.unlock()
            return plan.map(\.0.name)
        } catch {
            // The lock belongs to the session, so a lost or cancelled one releases it.
            try? await store.unlock()
            throw error
        }
    }

    /// Names of the migrations that `migrate` would run. Changes nothing.
    package func pending(on connection: PostgresConnection) async throws -> [String] {
        let store = MigrationStore(connection: connection, schema: schema)
        return try await plan(try await readFiles(), store).map(\.0.name)
    }

    private func plan(
        _ files: [Migration], _ store: MigrationStore
    ) async throws -> [(Migration, checksum: String)] {
        let pairs = zip(files, try await store.checksums(of: files)).map { ($0, $1) }
        let plan = try MigrationPlan(files: pairs, applied: try await store.applied())
        let checksums = Dictionary(uniqueKeysWithValues: pairs.map { ($0.0.version, $0.1) })
        return plan.pending.map { ($0, checksums[$0.version] ?? "") }
    }

    private func lock(_ store: MigrationStore) async throws {
        let deadline = ContinuousClock.now + PostgresLimits.migrationLock
        while try await !store.tryLock() {
            guard .now < deadline else {
                throw PostgresError(.migration, "another process has not finished its migrations in time")
            }
            try await EventLoop.current.sleep(for: PostgresLimits.migrationLockPoll)
        }
    }

    private func run(_ migration: Migration, checksum: String, _ store: MigrationStore) async throws {
        do {
            if migration.isTransactional {
                try await store.connection.transaction { connection in
                    try await connection.script(
                        "set local lock_timeout = '\(PostgresLimits.migrationLockTimeout)'")
                    try await connection.script(migration.text)
                    try await store.record(migration, checksum: checksum)
                }
            } else {
                for statement in SQLScript.statements(of: migration.text) {
                    try await store.connection.script(statement)
                }
                try await store.record(migration, checksum: checksum)
            }
        } catch var error as PostgresError {
            error.context = "migration \(migration.name)" + (error.context.map { "; \($0)" } ?? "")
            throw error
        }
    }

    /// Reading files blocks, so it runs on the blocking pool.
    private func readFiles() async throws -> [Migration] {
        let directory = directory
        return try await BlockingPool.shared.run { try Self.readFiles(in: directory) }
    }

    private static func readFiles(in directory: String) throws -> [Migration] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else {
            throw PostgresError(.migration, "the directory \(directory) cannot be read")
        }
        var migrations: [Migration] = []
        for name in names.sorted() where name.hasSuffix(".sql") {
            guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)"),
                data.count <= PostgresLimits.migrationBytes
            else { throw PostgresError(.migration, "\(name) cannot be read or is too large") }
            guard let text = String(validating: data, as: UTF8.self) else {
                throw PostgresError(.migration, "\(name) is not UTF-8")
            }
            guard let migration = Migration(fileName: name, text: text) else {
                throw PostgresError(.migration, "\(name) is not named NNNN_verb_object.sql")
            }
            migrations.append(migration)
        }
        return migrations
    }
}
