import Foundation
import Postgres
import Salesforce
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

/// Pages whose values do not fit the table: columns are widened, indexes are changed, cells are nulled.
@Suite(.tags(.store))
struct PageRepairTests {
    @Test func `extreme values of a type are loaded, and values beyond it null only their cells`()
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
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 3, nulledCells: 5))
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

    @Test func `larger values widen their column`() async throws {
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

    @Test func `if a view forbids a larger type, only the cell is null`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "create view \(scene.fixture.schema).names as select name from \(scene.fixture.schema).account"
                )
            }
            let long = String(repeating: "x", count: 256)
            let page = try await scene.load("a", PageScene.header + "1,\(long),7\n", rows: 1, .staged)
            #expect(page == LoadedPage(locator: "a", next: "next", rows: 1, nulledCells: 1))
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
                    let page = try await scene.load("a", PageScene.header + "1,\(long),7\n", rows: 1, .staged)
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

    @Test func `a column that a user made shorter truncates no text`() async throws {
        try await withImport { scene in
            try await scene.pool.withConnection {
                try await $0.script(
                    "alter table \(scene.fixture.schema).account alter column name type char(3)")
            }
            let page = try await scene.load("a", PageScene.header + "1,abc,7\n2,abcd,8\n", rows: 2, .staged)
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
            let mapping = accountMapping(fields.map(\.name), ["Email__c": true, "Notes__c": false])
            try await scene.fixture.provision(
                [TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))],
                on: scene.pool)
        }
    }

    @Test func `if an index cannot be changed, only the repeated row is quarantined`() async throws {
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
}
