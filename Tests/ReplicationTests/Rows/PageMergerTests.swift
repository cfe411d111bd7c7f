import Foundation
import Postgres
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

/// Merging pages of a read.
@Suite(.tags(.store))
struct PageMergerTests {
    private static let fields = ["Id", "Name", "Phone", "NumberOfEmployees", "IsDeleted", "SystemModstamp"]

    /// A table whose columns the reads of this suite select.
    private func withRead(
        _ body: @concurrent @Sendable (MergeScene, PageMerger, PageMerger.Read) async throws -> Void
    ) async throws {
        try await withTables { scene in
            var table = scene.account
            table.plan.keep { column in
                Self.fields.contains(column.source)
            }
            let read = try await scene.pool.withConnection {
                try await RunningReadStore().begin(table.mapping.id, on: $0)
            }
            try await body(
                scene, PageMerger(table, pool: scene.pool),
                PageMerger.Read(id: read.id, startedAt: read.startedAt, sources: Self.fields))
        }
    }

    private func page(_ rows: [String], _ fields: [String] = Self.fields) -> [UInt8] {
        Array(([fields.joined(separator: ",")] + rows).map { $0 + "\n" }.joined().utf8)
    }

    private func line(_ number: Int, _ rest: String) -> String { "\(MergeScene.sfid(number)),\(rest)" }

    private static let fence: WriteFence = { _ in }

    @Test func `a page inserts, changes and deletes rows, and merging it again changes nothing`() async throws
    {
        try await withRead { scene, merger, read in
            let first = page(
                (1...3).map { line($0, "\"A, \($0)\",1,\($0).0,false,2023-11-14T22:13:21.000Z") })
            let counts = try await merger.merge(read, page: first, fence: Self.fence)
            #expect((counts.arrived, counts.written) == (3, 3))
            let second = page([
                line(1, "\"A, 1\",1,1,false,2023-11-14T22:13:21.000Z"),
                line(2, "B,,7,false,2023-11-14T22:13:22.000Z"),
                line(3, ",,,true,2023-11-14T22:13:22.000Z"),
                line(4, ",,,true,2023-11-14T22:13:22.000Z"),
            ])
            let changed = try await merger.merge(read, page: second, fence: Self.fence)
            #expect((changed.written, changed.deleted, changed.unchanged) == (1, 1, 2))
            let rows = try await scene.rows("id::text, name, phone, numberofemployees, xmin::text")
            #expect(rows.map { $0[0] } == ["1", "2"])
            #expect(rows[1][1...3] == ["B", nil, "7"])
            _ = try await merger.merge(read, page: second, fence: Self.fence)
            #expect(try await scene.rows("id::text, name, phone, numberofemployees, xmin::text") == rows)
            let logged: Int = try await scene.user.query("select count(*) from _trigger_log").scalar()
            #expect(logged == 0)
        }
    }

    @Test func `unsent local changes, applied events and local deletions survive a page`() async throws {
        try await withRead { scene, merger, read in
            let rows = (1...4).map { line($0, "A,1,1,false,2023-11-14T22:13:21.000Z") }
            _ = try await merger.merge(read, page: page(rows), fence: Self.fence)
            try await scene.user.execute(
                "update account set name = 'local' where sfid = \(MergeScene.sfid(1))")
            try await scene.user.execute("delete from account where sfid = \(MergeScene.sfid(2))")
            _ = try await scene.merge([
                RecordChange(
                    sfid: MergeScene.sfid(3), kind: .patch, stamp: MergeScene.at(2), cells: ["name": "event"])
            ])
            let stale = (1...4).map { line($0, "B,2,1,false,2023-11-14T22:13:21.500Z") }
            let counts = try await merger.merge(read, page: page(stale), fence: Self.fence)
            #expect(counts.written == 2)
            #expect(
                try await scene.rows("name, phone, _hc_lastop") == [
                    ["local", "2", "PENDING"], ["event", "1", "SYNCED"], ["B", "2", "SYNCED"],
                ])
            #expect(try await scene.rereads() == [MergeScene.sfid(3): "conflict"])
        }
    }

    @Test func `a local change that commits while a page waits for its lock is not overwritten`() async throws
    {
        try await withRead { scene, merger, read in
            _ = try await merger.merge(
                read, page: page([line(1, "A,1,1,false,2023-11-14T22:13:21.000Z")]), fence: Self.fence)
            try await scene.user.script("begin; update account set name = 'local'")
            async let merged = merger.merge(
                read, page: page([line(1, "B,2,1,false,2023-11-14T22:13:22.000Z")]), fence: Self.fence)
            try await Task.sleep(for: .milliseconds(200))
            try await scene.user.script("commit")
            _ = try await merged
            #expect(try await scene.rows("name, phone, _hc_lastop") == [["local", "2", "PENDING"]])
        }
    }

    @Test func `awkward cells and refused rows stop no other row`() async throws {
        try await withRead { scene, merger, read in
            try await scene.script("alter table account add constraint short check (char_length(phone) < 5)")
            var rows = (1...50).map { line($0, "A,1,1,false,2023-11-14T22:13:21.000Z") }
            rows[3] = line(4, "A,too long,1,false,2023-11-14T22:13:21.000Z")
            rows[4] = line(5, "A\0B,1,100.0,false,2023-11-14T22:13:21.000Z")
            rows[5] = line(6, "A,1,many,false,2023-11-14T22:13:21.000Z")
            rows[6] = line(7, "A,1,1,false,soon")
            var bytes = page(rows)
            bytes += Array(line(51, "").utf8) + [0xFF] + Array(",1,1,false,2023-11-14T22:13:21.000Z\n".utf8)
            let counts = try await merger.merge(read, page: bytes, fence: Self.fence)
            #expect((counts.arrived, counts.refused) == (51, 1))
            let names = try await scene.rows("name, numberofemployees")
            #expect(names.count == 50)
            #expect(names[3] == ["AB", "100"])
            #expect(names[4] == ["A", nil])
            #expect(names.last == ["\u{FFFD}", "1"])
            let nulled: [String] = try await scene.pool.query(
                "select column_name from multiconnect_sync.nulled_cells order by 1"
            ).column()
            #expect(nulled == ["numberofemployees", "systemmodstamp"])
        }
    }

    @Test func `a partial read changes its columns only and inserts no rows`() async throws {
        try await withRead { scene, merger, read in
            _ = try await merger.merge(
                read, page: page([line(1, "A,1,1,false,2023-11-14T22:13:21.000Z")]), fence: Self.fence)
            var partial = read
            partial.sources = ["Id", "Phone", "SystemModstamp"]
            let counts = try await merger.merge(
                partial,
                page: page(
                    [line(1, "9,2023-11-14T22:13:29.000Z"), line(2, "9,2023-11-14T22:13:29.000Z")],
                    partial.sources), fence: Self.fence)
            #expect((counts.written, counts.reread) == (1, 1))
            #expect(
                try await scene.rows("name, phone, systemmodstamp") == [["A", "9", "2023-11-14 22:13:21"]])
            #expect(try await scene.rereads() == [MergeScene.sfid(2): "missing_row"])
        }
    }

    @Test func `each transaction of a page checks the right to write`() async throws {
        try await withRead { scene, merger, read in
            await #expect(throws: ReplicationError.self) {
                _ = try await merger.merge(
                    read, page: page([line(1, "A,1,1,false,2023-11-14T22:13:21.000Z")]),
                    fence: { _ in throw ReplicationError(.leaseLost) })
            }
            let count = try await scene.rows().count
            #expect(count == 0)
        }
    }

    @Test func `rows of a read are remembered only while another read runs`() async throws {
        try await withRead { scene, merger, read in
            func remembered() async throws -> Int {
                try await scene.pool.query("select count(*) from multiconnect_sync.recent_changes").scalar()
            }
            let rows = page([line(1, "A,1,1,false,2023-11-14T22:13:21.000Z")])
            _ = try await merger.merge(read, page: rows, fence: Self.fence)
            #expect(try await remembered() == 0)
            let mapping = scene.account.mapping.id
            let other = try await scene.pool.withConnection {
                try await RunningReadStore().begin(mapping, on: $0)
            }
            _ = try await merger.merge(read, page: rows, fence: Self.fence)
            #expect(try await remembered() == 1)
            // The other read's older version does not overwrite it.
            _ = try await merger.merge(
                PageMerger.Read(id: other.id, startedAt: other.startedAt, sources: Self.fields),
                page: page([line(1, "old,1,1,false,2023-11-14T22:13:20.000Z")]), fence: Self.fence)
            #expect(try await scene.rows("name") == [["A"]])
            #expect(try await scene.rereads() == [MergeScene.sfid(1): "conflict"])
        }
    }

    @Test func `a row of a page that a deferred constraint refuses is isolated`() async throws {
        try await withRead { scene, merger, read in
            try await scene.script(
                """
                alter table account add unique (phone) deferrable initially deferred;
                insert into account (phone) values ('7'); delete from _trigger_log
                """)
            let rows = (1...3).map { line($0, "A,\($0 + 5),,false,2023-11-14T22:13:21.000Z") }
            let counts = try await merger.merge(read, page: page(rows), fence: Self.fence)
            #expect((counts.written, counts.refused) == (2, 1))
            let phones = try await scene.pool.query(
                "select phone from \(identifier: scene.fixture.schema, "account") where sfid is not null"
            ).column(as: String.self)
            #expect(Set(phones) == ["6", "8"])
            #expect(try await scene.rereads() == [MergeScene.sfid(2): "refused"])
        }
    }

    @Test func `a page that writes refused rows, or finds them written, removes their entries`() async throws
    {
        try await withRead { scene, merger, read in
            try await scene.script("alter table account add constraint short check (char_length(phone) < 5)")
            func refused() async throws -> [String] {
                try await scene.pool.query(
                    "select sfid from multiconnect_sync.quarantined_rows order by sfid"
                ).column()
            }
            let rows = page(
                (1...3).map { line($0, "A,\($0 < 3 ? "too long" : "1"),1,false,2023-11-14T22:13:21.000Z") })
            #expect(try await merger.merge(read, page: rows, fence: Self.fence).refused == 2)
            #expect(try await refused() == [MergeScene.sfid(1), MergeScene.sfid(2)])
            try await scene.script(
                """
                alter table account drop constraint short;
                insert into account (sfid, name, phone, numberofemployees, isdeleted, systemmodstamp)
                values ('\(MergeScene.sfid(2))', 'A', 'too long', 1, false, '2023-11-14 22:13:21');
                """)
            var partial = read
            partial.sources = ["Id", "Name"]
            _ = try await merger.merge(
                partial, page: page([line(2, "A")], partial.sources), fence: Self.fence)
            #expect(try await refused().count == 2, "a partial page does not read the refused cell")
            #expect(try await merger.merge(read, page: rows, fence: Self.fence).written == 1)
            #expect(try await refused().isEmpty)
        }
    }
}
