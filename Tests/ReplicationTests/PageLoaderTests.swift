import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Replication

/// Pages on their way into a table.
@Suite(.tags(.store))
struct PageLoaderTests {
    /// An open import of accounts into a provisioned table.
    struct Scene: Sendable {
        let fixture: TenantFixture
        let pool: PostgresPool
        let loader: PageLoader
        var record: ImportRecord { loader.record }

        func table() async throws -> Rows {
            try await pool.query(
                "select sfid, name, numberofemployees, _hc_lastop from \(identifier: fixture.schema, "account") order by sfid"
            )
        }

        func progress() async throws -> ImportProgress {
            try await pool.withConnection { try await ImportStore().progress(of: record.id, on: $0) }
        }

        func load(_ locator: String, _ page: String, rows: Int? = nil, _ way: PageLoader.Way = .direct)
            async throws -> LoadedPage?
        {
            try await load(locator, bytes: Array(page.utf8), rows: rows, way)
        }

        func load(_ locator: String, bytes: [UInt8], rows: Int? = nil, _ way: PageLoader.Way = .direct)
            async throws -> LoadedPage?
        {
            var rest = bytes[...]
            return try await loader.load(locator, next: "next", rows: rows, way: way) {
                let chunk = Array(rest.prefix(7))
                rest = rest.dropFirst(7)
                return chunk.isEmpty ? nil : chunk
            }
        }
    }

    static let header = "\"Id\",\"Name\",\"NumberOfEmployees\"\n"

    static func mapping() -> Mapping {
        Mapping(
            id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: "Account",
            configuration: MappingConfiguration(access: .readWrite, fields: ["Name", "NumberOfEmployees"]),
            state: .initial)
    }

    private func withImport(_ body: @concurrent @Sendable (Scene) async throws -> Void) async throws {
        try await withTenantDatabase { fixture in
            let cells = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../migrations/cells").path
            let pool = fixture.pool()
            defer { pool.close() }
            try await pool.withConnection {
                _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: $0)
            }
            try await fixture.provision(on: pool)
            let mapping = Self.mapping()
            var describe = Describes.account
            describe.fields.removeAll { $0.name == "IsDeleted" || $0.name == "SystemModstamp" }
            let plan = TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))
            let record = try await pool.withConnection {
                try await ImportStore().begin(
                    mapping, tenant: fixture.tenant, plan: plan, timeMark: Date(timeIntervalSince1970: 0),
                    on: $0)
            }
            let ddl = try await TenantSchema(tenant: fixture.tenant, pool: pool).preflight()
            let loader = PageLoader(
                pool: pool, mapping: mapping, record: record, plan: ImportPlan(plan, ddl: ddl))
            try await body(Scene(fixture: fixture, pool: pool, loader: loader))
        }
    }

    @Test func `a page and the note that it is loaded are one transaction`() async throws {
        try await withImport { scene in
            let page = try await scene.load(
                "a", Self.header + "\"1\",\"A, \"\"B\"\"\n\\.\n€😀\",\"7\"\n\"2\",\"\",\"\"\n", rows: 2)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 2))
            let rows = try await scene.table()
            let names: [String?] = try rows.map { try $0["name"] }
            #expect(names == ["A, \"B\"\n\\.\n€😀", nil])
            let operations: [String?] = try rows.map { try $0["_hc_lastop"] }
            #expect(operations == ["SYNCED", "SYNCED"])
            let progress = try await scene.progress()
            #expect(progress == ImportProgress(rows: 2, quarantined: 0, pages: 1, expectedRows: nil))
            let logged: Int = try await scene.pool.query(
                "select count(*) from \(identifier: scene.fixture.schema, "_trigger_log")"
            ).scalar()
            #expect(logged == 0)
        }
    }

    @Test func `a page is loaded once, even by two at the same time`() async throws {
        try await withImport { scene in
            let text = Self.header + (1...500).map { "\"\($0)\",\"x\",\"1\"\n" }.joined()
            let loaded = try await withThrowingTaskGroup(of: LoadedPage?.self) { group in
                for _ in 0..<3 { group.addTask { try await scene.load("a", text) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(loaded.compactMap { $0 }.count == 1)
            let count = try await scene.table().count
            #expect(count == 500)
        }
    }

    @Test func `nothing of a page that ends early is kept`() async throws {
        try await withImport { scene in
            let text = Self.header + "\"1\",\"A\",\"7\"\n"
            await #expect(throws: ReplicationError.self) { _ = try await scene.load("a", text, rows: 2) }
            await #expect(throws: (any Error).self) { _ = try await scene.load("a", text + "\"2\",\"unfini") }
            await #expect(throws: ReplicationError.self) {
                _ = try await scene.load("a", "\"Id\",\"NumberOfEmployees\",\"Name\"\n\"1\",\"1\",\"A\"\n")
            }
            #expect(try await scene.table().isEmpty)
            let progress = try await scene.progress()
            #expect(progress.pages == 0)
            _ = try await scene.load("a", text, rows: 1)
            let count = try await scene.table().count
            #expect(count == 1)
        }
    }

    @Test func `NUL bytes are taken out and counted`() async throws {
        try await withImport { scene in
            let page = try await scene.load("a", Self.header + "\"1\",\"A\0B\0\",\"7\"\n")
            #expect(page?.bytesRepaired == 2)
            let name: String? = try await scene.table().first?["name"]
            #expect(name == "AB")
        }
    }

    @Test func `a page that COPY refuses is refused for its data and loads the tolerant way`() async throws {
        try await withImport { scene in
            let text =
                Self.header
                + "\"1\",\"A\",\"100.0\"\n\"2\",\"B\",\"-3\"\n\"3\",\"C\",\"\"\n\"4\",\"D\",\"1E2\"\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, rows: 4, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 4))
            let numbers: [Int?] = try await scene.table().map { try $0["numberofemployees"] }
            #expect(numbers == [100, -3, nil, 100])
        }
    }

    @Test func `rows that fit no column are quarantined with their reason and the rest is loaded`()
        async throws
    {
        try await withImport { scene in
            let long = String(repeating: "x", count: 256)
            var text =
                Self.header
                + "\"bad1\",\"A\",\"100.5\"\n\"bad2\",\"\(long)\",\"1\"\n\"bad3\",\"C\",\"many\"\n"
            for number in 1...1_200 { text += "\"\(number)\",\"row\",\"\(number)\"\n" }
            text += "\"1\",\"twice\",\"1\"\n\"bad4\",\"\",\"99999999999\"\n"
            let page = try await scene.load("a", text, rows: 1_205, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1_200, quarantined: 5))
            let count = try await scene.table().count
            #expect(count == 1_200)
            let rows = try await scene.pool.query(
                "select sfid, sql_state, reason, cells->>'name' as name from multiconnect_sync.quarantined_rows order by id"
            )
            let ids: [String?] = try rows.map { try $0["sfid"] }
            #expect(ids == ["bad1", "bad2", "bad3", "1", "bad4"])
            let states: [String] = try rows.map { try $0["sql_state"] }
            #expect(states == ["22P02", "22001", "22P02", "23505", "22003"])
            let names: [String?] = try rows.map { try $0["name"] }
            #expect(names == ["A", long, "C", "twice", nil])
            let progress = try await scene.progress()
            #expect(progress.rows == 1_200)
            #expect(progress.quarantined == 5)
        }
    }

    @Test func `bytes that are no UTF-8 are replaced when the page is replayed`() async throws {
        try await withImport { scene in
            let bytes = Array((Self.header + "\"1\",\"A").utf8) + [0xFF, 0xC3] + Array("\",\"7\"\n".utf8)
            let error = await #expect(throws: PostgresError.self) {
                _ = try await scene.load("a", bytes: bytes)
            }
            #expect(PageLoader.isRefusal(try #require(error)))
            _ = try await scene.load("a", bytes: bytes, rows: 1, .staged)
            let name: String? = try await scene.table().first?["name"]
            #expect(name == "A\u{FFFD}\u{FFFD}")
        }
    }

    @Test func `a user's trigger that raises quarantines its rows only`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    create function refuse() returns trigger language plpgsql as
                      'begin if new.name = ''no'' then raise exception ''not this one''; end if; return new; end';
                    create trigger refuse before insert on \(scene.fixture.schema).account for each row
                      execute function refuse()
                    """)
            }
            let text = Self.header + "\"1\",\"no\",\"7\"\n\"2\",\"yes\",\"7\"\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, .staged)
            #expect(page?.rows == 1)
            #expect(page?.quarantined == 1)
        }
    }

    @Test func `pages of an import that was given up are not loaded`() async throws {
        try await withImport { scene in
            _ = try await scene.load("a", Self.header + "\"1\",\"A\",\"7\"\n")
            try await scene.pool.transaction { try await ImportStore().discard(scene.record.id, on: $0) }
            await #expect(throws: ReplicationError.self) {
                _ = try await scene.load("b", Self.header + "\"2\",\"A\",\"7\"\n")
            }
        }
    }

    @Test func `an empty page has its header and no rows`() async throws {
        try await withImport { scene in
            let page = try await scene.load("a", Self.header, rows: 0)
            #expect(page?.rows == 0)
            await #expect(throws: ReplicationError.self) { _ = try await scene.load("b", "", rows: 0) }
        }
    }

    @Test func `many pages load side by side`() async throws {
        try await withImport { scene in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for page in 0..<8 {
                    let rows = (1...300).map {
                        "\"\(page)-\($0)\",\"\($0 == 7 ? String(repeating: "y", count: 300) : "x")\",\"1\"\n"
                    }
                    group.addTask {
                        _ = try await scene.load("\(page)", Self.header + rows.joined(), rows: 300, .staged)
                    }
                }
                try await group.waitForAll()
            }
            let progress = try await scene.progress()
            #expect(progress == ImportProgress(rows: 8 * 299, quarantined: 8, pages: 8, expectedRows: nil))
        }
    }
}
