import Testing

@testable import Postgres

struct MigrationPlanTests {
    private func file(_ name: String, _ checksum: String = "c") throws -> (
        migration: Migration, checksum: String
    ) {
        (try #require(Migration(fileName: name + ".sql", text: "select 1")), checksum)
    }

    private func applied(_ version: Int, _ name: String, _ checksum: String = "c") -> AppliedMigration {
        AppliedMigration(version: version, name: name, checksum: checksum)
    }

    @Test func `unapplied files are pending, in order`() throws {
        let plan = try MigrationPlan(
            files: [file("0003_add_c"), file("0001_add_a"), file("0002_add_b")],
            applied: [applied(1, "0001_add_a")])
        #expect(plan.pending.map(\.version) == [2, 3])
    }

    @Test func `a changed file is refused by name`() throws {
        let error = #expect(throws: PostgresError.self) {
            try MigrationPlan(files: [file("0001_add_a", "new")], applied: [applied(1, "0001_add_a", "old")])
        }
        #expect(error?.code == .migration)
        #expect(error?.description.contains("0001_add_a") == true)
    }

    @Test func `a renamed, a missing and a late file are refused`() throws {
        #expect(throws: PostgresError.self) {
            try MigrationPlan(files: [file("0001_add_b")], applied: [applied(1, "0001_add_a")])
        }
        #expect(throws: PostgresError.self) {
            try MigrationPlan(
                files: [file("0002_add_b")], applied: [applied(1, "0001_add_a"), applied(2, "0002_add_b")])
        }
        #expect(throws: PostgresError.self) {
            try MigrationPlan(
                files: [file("0001_add_a"), file("0002_add_b")], applied: [applied(2, "0002_add_b")])
        }
    }

    @Test func `two files with one number are refused`() throws {
        #expect(throws: PostgresError.self) {
            try MigrationPlan(files: [file("0001_add_a"), file("0001_add_b")], applied: [])
        }
    }

    @Test func `a database that a newer release has migrated is accepted`() throws {
        let plan = try MigrationPlan(
            files: [file("0001_add_a")], applied: [applied(1, "0001_add_a"), applied(2, "0002_add_b")])
        #expect(plan.pending.isEmpty)
    }

    @Test(
        arguments: [
            ("0001_create_jobs.sql", 1), ("0123_add_column_2_to_jobs.sql", 123), ("0001_jobs.sql", nil),
            ("1_create_jobs.sql", nil), ("0001-create-jobs.sql", nil), ("0001_Create_jobs.sql", nil),
            ("0001__jobs.sql", nil), ("0001_create_jobs.txt", nil), ("00a1_create_jobs.sql", nil),
            (".sql", nil),
        ] as [(String, Int?)])
    func `file names are numbered verbs and objects`(name: String, version: Int?) {
        #expect(Migration.version(of: name) == version)
    }

    @Test func `the first line can switch the transaction off`() throws {
        func isTransactional(_ text: String) throws -> Bool {
            try #require(Migration(fileName: "0001_add_a.sql", text: text)).isTransactional
        }
        #expect(try !isTransactional("-- no transaction\ncreate index concurrently i on t (a)"))
        #expect(try isTransactional("select 1;\n-- no transaction\n"))
        #expect(try isTransactional("-- no transaction needed\nselect 1"))
    }
}
