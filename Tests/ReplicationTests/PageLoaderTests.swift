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

    static func mapping(_ fields: [String] = [], _ indexes: [String: Bool] = [:]) -> Mapping {
        Mapping(
            id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: "Account",
            configuration: MappingConfiguration(
                access: .readWrite, fields: ["Name", "NumberOfEmployees"] + fields, indexes: indexes),
            state: .initial)
    }

    private func withImport(
        fields: [FieldDescribe] = [], indexes: [String: Bool] = [:],
        _ body: @concurrent @Sendable (Scene) async throws -> Void
    ) async throws {
        try await withImport(Self.mapping(fields.map(\.name), indexes), fields, body)
    }

    private func withImport(
        _ mapping: Mapping, _ fields: [FieldDescribe],
        _ body: @concurrent @Sendable (Scene) async throws -> Void
    ) async throws {
        try await withTenantDatabase { fixture in
            let cells = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../migrations/cells").path
            let pool = fixture.pool()
            defer { pool.close() }
            try await pool.withConnection {
                _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: $0)
            }
            var describe = Describes.account
            describe.fields.removeAll { $0.name == "IsDeleted" || $0.name == "SystemModstamp" }
            describe.fields += fields
            let plan = TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))
            try await fixture.provision([plan], on: pool)
            let record = try await pool.withConnection {
                try await ImportStore().begin(
                    mapping, tenant: fixture.tenant, plan: plan, timeMark: Date(timeIntervalSince1970: 0),
                    claim: UUID(), on: $0)
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

    @Test func `a cell that no type takes is null and kept, and its row is loaded`() async throws {
        try await withImport { scene in
            var text = Self.header + "\"bad\",\"A\",\"many\"\n"
            for number in 1...1_200 { text += "\"\(number)\",\"row\",\"\(number)\"\n" }
            let page = try await scene.load("a", text, rows: 1_201, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1_201))
            let row = try #require(try await scene.table().first { try $0["sfid"] == "bad" })
            let cells: (String?, Int?) = (try row["name"], try row["numberofemployees"])
            #expect(cells == ("A", nil))
            let nulled = try await scene.pool.query(
                "select sfid, column_name, value, sql_state from multiconnect_sync.nulled_cells")
            let values: [String] = try nulled.flatMap { row in try (0..<4).map { try row[$0] } }
            #expect(values == ["bad", "numberofemployees", "many", "22P02"])
        }
    }

    @Test func `values at the edge of a type are loaded, and beyond it only their cells are null`()
        async throws
    {
        let fields = [
            Describes.field("Day__c", .date), Describes.field("Flag__c", .boolean),
            Describes.field("Hour__c", .time), Describes.field("Moment__c", .dateTime),
            Describes.field("Share__c", .percent),
        ]
        try await withImport(fields: fields) { scene in
            let text = """
                Id,Day__c,Flag__c,Hour__c,Moment__c,Name,NumberOfEmployees,Share__c
                1,12000-01-01,true,24:00:00.000Z,12000-01-01T00:00:00.000Z,A,2147483647,99.5
                2,0001-01-01,false,00:00:00.000Z,0001-01-01T00:00:00.000+0000,B,-2147483648,1E300
                3,0000-00-00,perhaps,25:00:00.000Z,2024-02-30T00:00:00.000Z,C,1,1E400

                """
            let page = try await scene.load("a", text, rows: 3, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 3))
            let rows = try await scene.pool.query(
                "select day__c::text, flag__c::text, hour__c::text, moment__c::text, share__c::text from \(identifier: scene.fixture.schema, "account") order by sfid"
            )
            let values: [[String?]] = try rows.map { row in try (0..<5).map { try row[$0] } }
            #expect(
                values == [
                    ["12000-01-01", "true", "24:00:00", "12000-01-01 00:00:00", "99.5"],
                    ["0001-01-01", "false", "00:00:00", "0001-01-01 00:00:00", "1e+300"],
                    [nil, nil, nil, nil, nil],
                ])
            let nulled: [String] = try await scene.pool.query(
                "select column_name from multiconnect_sync.nulled_cells where sfid = '3' order by column_name"
            ).column()
            #expect(nulled == ["day__c", "flag__c", "hour__c", "moment__c", "share__c"])
        }
    }

    @Test func `rows that a column is too small for widen it`() async throws {
        let fields = [
            Describes.field("Short__c", .picklist, length: 40), Describes.field("Large__c", .int),
            Describes.field("Broken__c", .int), Describes.field("Huge__c", .long),
        ]
        try await withImport(fields: fields) { scene in
            let long = String(repeating: "😀", count: 300)
            let picked = String(repeating: "p", count: 60)
            let text = """
                Id,Broken__c,Huge__c,Large__c,Name,NumberOfEmployees,Short__c
                1,47.5,99999999999999999999,3000000000,\(long),100.0,\(picked)
                2,-1,1,7,B,1E2,p

                """
            let error = await #expect(throws: PostgresError.self) { _ = try await scene.load("a", text) }
            #expect(PageLoader.isRefusal(try #require(error)))
            let page = try await scene.load("a", text, rows: 2, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 2))
            let rows = try await scene.pool.query(
                "select broken__c::text, huge__c::text, large__c::text, name, numberofemployees::text, short__c from \(identifier: scene.fixture.schema, "account") order by sfid"
            )
            let first: [String?] = try (0..<6).map { try rows.first?[$0] }
            #expect(first == ["47.5", "99999999999999999999", "3000000000", long, "100", picked])
            // The widened columns take such values by COPY.
            let next = try await scene.load(
                "b",
                text.replacing("\n1,", with: "\n3,").replacing("\n2,", with: "\n4,").replacing(
                    ",100.0,", with: ",100,"
                ).replacing("1E2", with: "9"))
            #expect(next?.rows == 2)
            let shape = try await scene.pool.withConnection {
                try await TableShape(of: scene.loader.plan, on: $0)
            }
            #expect(
                shape.differences(from: scene.loader.plan) == [
                    "the column broken__c is double precision instead of integer, because of larger values",
                    "the column huge__c is numeric instead of bigint, because of larger values",
                    "the column large__c is bigint instead of integer, because of larger values",
                    "the column name is text instead of character varying(255), because of larger values"
                        .replacing("character varying", with: "varchar"),
                    "the column short__c is text instead of varchar(40), because of larger values",
                ])
        }
    }

    @Test func `where a view forbids a larger type only the cell is null`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "create view \(scene.fixture.schema).names as select name from \(scene.fixture.schema).account"
                )
            }
            let long = String(repeating: "x", count: 256)
            let page = try await scene.load("a", Self.header + "1,\(long),7\n", rows: 1, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1))
            let nulled: String = try await scene.pool.query(
                "select value from multiconnect_sync.nulled_cells"
            )
            .scalar()
            #expect(nulled == long)
        }
    }

    @Test func `a column is widened as soon as other sessions leave the table`() async throws {
        try await withImport { scene in
            let reader = try await scene.fixture.connect()
            defer { reader.close() }
            let table = SQL.quote(identifier: scene.fixture.schema) + ".account"
            try await reader.script("begin; select from \(table)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let long = String(repeating: "x", count: 300)
                    let page = try await scene.load("a", Self.header + "1,\(long),7\n", rows: 1, .staged)
                    #expect(page?.rows == 1)
                }
                // It waits, gives up so that queries behind it are not held up, and waits again.
                for isWaiting in [true, false, true] {
                    try await eventually("the lock is \(isWaiting ? "" : "not ")asked for") {
                        let waiting: Int = try await scene.pool.query(
                            "select count(*) from pg_locks where not granted and mode = 'AccessExclusiveLock'"
                        ).scalar()
                        return (waiting > 0) == isWaiting
                    }
                }
                try await reader.script("commit")
                try await group.waitForAll()
            }
            let name: String = try await scene.pool.query("select name from \(raw: table)").scalar()
            #expect(name.count == 300)
        }
    }

    @Test func `a column that a user made shorter cuts no text`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "alter table \(scene.fixture.schema).account alter column name type char(3)")
            }
            let page = try await scene.load("a", Self.header + "1,abc,7\n2,abcd,8\n", rows: 2, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1, quarantined: 1))
        }
    }

    @Test func `an index never costs a row`() async throws {
        let fields = [
            Describes.field("Email__c", .email, length: 80),
            Describes.field("Notes__c", .textArea, length: 4_000),
        ]
        try await withImport(fields: fields, indexes: ["Email__c": true, "Notes__c": false]) { scene in
            let header = "Id,Email__c,Name,Notes__c,NumberOfEmployees\n"
            // Text that does not shrink when it is compressed.
            let note = (0..<500).map { String(UInt64($0) &* 0x9E37_79B9_7F4A_7C15, radix: 36) }.joined()
            for (page, text) in [
                header + "1,a@example.com,A,,\n2,a@example.com,B,,\n",
                header + "3,a@example.com,C,\(note.prefix(4_000)),\n",
            ].enumerated() {
                let error = await #expect(throws: PostgresError.self) {
                    _ = try await scene.load("\(page)", text)
                }
                #expect(PageLoader.isRefusal(try #require(error)))
                let loaded = try await scene.load("\(page)", text, .staged)
                #expect(loaded?.quarantined == 0)
            }
            let count = try await scene.table().count
            #expect(count == 3)
            let plan = scene.loader.plan
            let shape = try await scene.pool.withConnection { try await TableShape(of: plan, on: $0) }
            #expect(
                shape.differences(from: plan) == [
                    "the index hc_idx_account_notes__c is left out, because a value is too long for it",
                    "the index hcu_idx_account_email__c is not unique and called hc_idx_account_email__c, because values repeat",
                ])
            // Provisioning again, with the rows there, must not fail because of them.
            var describe = Describes.account
            describe.fields += fields
            let mapping = Self.mapping(fields.map(\.name), ["Email__c": true, "Notes__c": false])
            try await scene.fixture.provision(
                [TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))],
                on: scene.pool)
        }
    }

    @Test func `where an index may not be changed only the repeated row is quarantined`() async throws {
        let email = Describes.field("Email__c", .email, length: 80)
        try await withImport(fields: [email], indexes: ["Email__c": true]) { scene in
            let server = try await scene.fixture.database.connect()
            defer { server.close() }
            let role = try #require(scene.fixture.configuration.user)
            try await server.script(
                """
                alter table \(scene.fixture.schema).account owner to current_user;
                grant all on all tables in schema \(scene.fixture.schema) to \(role);
                grant all on all sequences in schema \(scene.fixture.schema) to \(role)
                """)
            let text =
                "Id,Email__c,Name,NumberOfEmployees\n1,a@example.com,A,1\n2,a@example.com,B,2\n3,,C,3\n"
            let page = try await scene.load("a", text, rows: 3, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 2, quarantined: 1))
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
            var text = Self.header + "\"bad\",\"A\",\"5000\"\n"
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

    @Test func `a page that breaks off within a cell is tried again`() async throws {
        try await withImport { scene in
            for text in ["1,A,7\n2,\"unfini", "1,A\n"] {
                let error = await #expect(throws: ReplicationError.self) {
                    _ = try await scene.load("a", Self.header + text, .staged)
                }
                #expect(error?.code == .incompletePage)
                #expect(PageLoader.isTransient(try #require(error)))
            }
            _ = try await scene.load("a", Self.header + "1,A,7\n", rows: 1, .staged)
            let count = try await scene.table().count
            #expect(count == 1)
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
                      'begin if new.name = ''no'' then raise exception ''no''; end if; return new; end';
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
            try await scene.pool.transaction { try await ImportStore().discard(scene.record, on: $0) }
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
            #expect(progress == ImportProgress(rows: 8 * 300, quarantined: 0, pages: 8, expectedRows: nil))
        }
    }
}
