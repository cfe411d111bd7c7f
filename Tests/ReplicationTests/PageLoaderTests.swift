import Foundation
import Postgres
import Salesforce
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

/// Loading pages into a table.
@Suite(.tags(.store))
struct PageLoaderTests {
    @Test func `a page's rows and its row in import_pages commit together`() async throws {
        try await withImport { scene in
            let page = try await scene.load(
                "a", PageScene.header + "\"1\",\"A, \"\"B\"\"\n\\.\n€😀\",\"7\"\n\"2\",\"\",\"\"\n", rows: 2)
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

    @Test func `a page is loaded once, even by three sessions at the same time`() async throws {
        try await withImport { scene in
            let text = PageScene.header + (1...500).map { "\"\($0)\",\"x\",\"1\"\n" }.joined()
            let loaded = try await withThrowingTaskGroup(of: LoadedPage?.self) { group in
                for _ in 0..<3 { group.addTask { try await scene.load("a", text) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(loaded.compactMap { $0 }.count == 1)
            let count = try await scene.table().count
            #expect(count == 500)
        }
    }

    @Test func `a page that ends early leaves no row`() async throws {
        try await withImport { scene in
            let text = PageScene.header + "\"1\",\"A\",\"7\"\n"
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

    @Test func `NUL bytes are removed and counted`() async throws {
        try await withImport { scene in
            let page = try await scene.load("a", PageScene.header + "\"1\",\"A\0B\0\",\"7\"\n")
            #expect(page?.bytesRepaired == 2)
            let name: String? = try await scene.table().first?["name"]
            #expect(name == "AB")
        }
    }

    @Test func `a page that COPY refuses for its data is loaded through staging`() async throws {
        try await withImport { scene in
            let text =
                PageScene.header
                + "\"1\",\"A\",\"100.0\"\n\"2\",\"B\",\"-3\"\n\"3\",\"C\",\"\"\n\"4\",\"D\",\"1E2\"\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, rows: 4, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 4))
            let numbers: [Int?] = try await scene.table().map { try $0["numberofemployees"] }
            #expect(numbers == [100, -3, nil, 100])
        }
    }

    @Test func `a cell that fits no type is null and its text is kept, and its row is loaded`() async throws {
        try await withImport { scene in
            var text = PageScene.header + "\"bad\",\"A\",\"many\"\n"
            for number in 1...1_200 { text += "\"\(number)\",\"row\",\"\(number)\"\n" }
            let page = try await scene.load("a", text, rows: 1_201, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1_201, nulledCells: 1))
            let row = try #require(try await scene.table().first { try $0["sfid"] == "bad" })
            let cells: (String?, Int?) = (try row["name"], try row["numberofemployees"])
            #expect(cells == ("A", nil))
            let nulled = try await scene.pool.query(
                "select sfid, column_name, value, sql_state from multiconnect_sync.nulled_cells")
            let values: [String] = try nulled.flatMap { row in try (0..<4).map { try row[$0] } }
            #expect(values == ["bad", "numberofemployees", "many", "22P02"])
        }
    }

    @Test func `a row that is too large for a page of Postgres is quarantined and the rest is loaded`()
        async throws
    {
        let fields = (0..<500).map { Describes.field("F\(1_000 + $0)__c", .string, length: 18) }
        try await withImport(fields: fields) { scene in
            let header = scene.loader.plan.sources.joined(separator: ",")
            let wide = scene.loader.plan.columns.dropFirst().map {
                $0 == "numberofemployees" ? "1" : "abcdefghijklmnopqr"
            }
            let narrow = String(repeating: ",", count: wide.count)
            let text = "\(header)\nwide,\(wide.joined(separator: ","))\nnarrow\(narrow)\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, rows: 2, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1, quarantined: 1))
            let row = try await scene.pool.query(
                "select sfid, sql_state, cells->>'f1499__c' as last from multiconnect_sync.quarantined_rows"
            ).first
            let values: [String?] = try (0..<3).map { try row?[$0] }
            #expect(values == ["wide", "54000", "abcdefghijklmnopqr"])
        }
    }

    @Test func `rows that a user's own constraints refuse are quarantined with their reason`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "alter table \(scene.fixture.schema).account add check (numberofemployees < 5000)")
            }
            var text = PageScene.header + "\"bad\",\"A\",\"5000\"\n"
            for number in 1...1_200 { text += "\"\(number)\",\"row\",\"\(number)\"\n" }
            text += "\"1\",\"twice\",\"1\"\n"
            let page = try await scene.load("a", text, rows: 1_202, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1_200, quarantined: 2))
            let rows = try await scene.pool.query(
                "select sfid, sql_state, cells->>'name' as name from multiconnect_sync.quarantined_rows order by id"
            )
            let values: [String] = try rows.flatMap { row in try (0..<3).map { try row[$0] } }
            #expect(values == ["bad", "23514", "A", "1", "23505", "twice"])
            let progress = try await scene.progress()
            #expect(progress.rows == 1_200)
            #expect(progress.quarantined == 2)
        }
    }

    @Test func `rows that a user's deferred constraint refuses are quarantined`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "alter table \(scene.fixture.schema).account add unique (name) deferrable initially deferred"
                )
            }
            let text = PageScene.header + "1,same,1\n2,other,1\n3,same,1\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, rows: 3, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 2, quarantined: 1))
            let refused: [String] = try await scene.pool.query(
                "select sfid from multiconnect_sync.quarantined_rows"
            ).map { try $0["sfid"] }
            #expect(refused == ["3"])
        }
    }

    @Test func `rows of a page that satisfy a deferred constraint together are loaded`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    alter table \(scene.fixture.schema).account add unique (sfid);
                    alter table \(scene.fixture.schema).account
                      add foreign key (name) references \(scene.fixture.schema).account (sfid)
                      deferrable initially deferred
                    """)
            }
            let page = try await scene.load(
                "a", PageScene.header + "child,parent,1\nparent,,100.0\n", rows: 2, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 2))
        }
    }

    @Test func `a page that ends inside a cell can be tried again`() async throws {
        try await withImport { scene in
            for text in ["1,A,7\n2,\"unfini", "1,A\n"] {
                let error = await #expect(throws: ReplicationError.self) {
                    _ = try await scene.load("a", PageScene.header + text, .staged)
                }
                #expect(error?.code == .incompletePage)
                #expect(PageLoader.isTransient(try #require(error)))
            }
            _ = try await scene.load("a", PageScene.header + "1,A,7\n", rows: 1, .staged)
            let count = try await scene.table().count
            #expect(count == 1)
        }
    }

    @Test func `invalid UTF-8 is replaced when the page is staged`() async throws {
        try await withImport { scene in
            let bytes =
                Array((PageScene.header + "\"1\",\"A").utf8) + [0xFF, 0xC3] + Array("\",\"7\"\n".utf8)
            let error = await #expect(throws: PostgresError.self) {
                _ = try await scene.load("a", bytes: bytes)
            }
            #expect(PageLoader.isRefusal(try #require(error)))
            _ = try await scene.load("a", bytes: bytes, rows: 1, .staged)
            let name: String? = try await scene.table().first?["name"]
            #expect(name == "A\u{FFFD}\u{FFFD}")
        }
    }

    @Test func `a user's trigger that raises quarantines only its rows`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    """
                    create function refuse() returns trigger language plpgsql as
                      'begin if new.name = ''no'' then raise exception ''no''; end if; return new; end';
                    create trigger refuse before insert on \(scene.fixture.schema).account for each row
                      execute function refuse()
                    """)
            }
            let text = PageScene.header + "\"1\",\"no\",\"7\"\n\"2\",\"yes\",\"7\"\n"
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, .staged)
            #expect(page?.rows == 1)
            #expect(page?.quarantined == 1)
        }
    }

    @Test func `pages of a discarded import are not loaded`() async throws {
        try await withImport { scene in
            _ = try await scene.load("a", PageScene.header + "\"1\",\"A\",\"7\"\n")
            try await scene.pool.transaction { try await ImportStore().discard(scene.record, on: $0) }
            await #expect(throws: ReplicationError.self) {
                _ = try await scene.load("b", PageScene.header + "\"2\",\"A\",\"7\"\n")
            }
        }
    }

    @Test func `an empty page has its header and no rows`() async throws {
        try await withImport { scene in
            let page = try await scene.load("a", PageScene.header, rows: 0)
            #expect(page?.rows == 0)
            await #expect(throws: ReplicationError.self) { _ = try await scene.load("b", "", rows: 0) }
        }
    }

    @Test func `many pages load at the same time`() async throws {
        try await withImport { scene in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for page in 0..<8 {
                    let rows = (1...300).map {
                        "\"\(page)-\($0)\",\"\($0 == 7 ? String(repeating: "y", count: 300) : "x")\",\"1\"\n"
                    }
                    group.addTask {
                        _ = try await scene.load(
                            "\(page)", PageScene.header + rows.joined(), rows: 300, .staged)
                    }
                }
                try await group.waitForAll()
            }
            let progress = try await scene.progress()
            #expect(progress == ImportProgress(rows: 8 * 300, quarantined: 0, pages: 8, expectedRows: nil))
        }
    }
}
