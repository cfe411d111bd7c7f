import Encoding
import Foundation
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// The events of changed rows for applications.
@Suite(.tags(.store))
struct RowEventTests {
    private static let (one, two) = (MergeScene.sfid(1), MergeScene.sfid(2))

    /// Two rows with a demand for their events.
    private func withDemand(
        _ body: @concurrent @Sendable (MergeScene) async throws -> Void
    ) async throws {
        try await withTables { scene in
            for sfid in [Self.one, Self.two] {
                _ = try await scene.merge([
                    RecordChange(
                        sfid: sfid, kind: .upsert, stamp: MergeScene.at(1),
                        cells: ["name": "A", "phone": "1"])
                ])
            }
            try await scene.pool.execute(
                """
                insert into multiconnect_sync.feed_demands (organization_id, "group")
                values ('00000000-0000-0000-0000-000000000000', 'row')
                """)
            try await body(scene)
        }
    }

    /// Kind, record and columns of the events so far.
    private func events(_ scene: MergeScene) async throws -> [String] {
        try await scene.pool.query(
            """
            select kind || ' ' || (data->>'sfid') || ' ' || coalesce(data->>'columns', '-')
            from multiconnect_sync.feed_events order by id
            """
        ).column()
    }

    private func patch(_ sfid: String, _ stamp: Double, _ cells: [String: String?]) -> RecordChange {
        RecordChange(sfid: sfid, kind: .patch, stamp: MergeScene.at(stamp), cells: cells)
    }

    @Test func `events name the columns whose values changed, and the application's own writes are none`()
        async throws
    {
        try await withDemand { scene in
            try await scene.script("update account set name = 'own' where sfid = '\(Self.one)'")
            _ = try await scene.merge([
                patch(Self.one, 2, ["name": "own", "lastmodifieddate": "2023-11-14T22:13:22Z"])
            ])
            #expect(try await events(scene).isEmpty)
            let systemmodstamp = try await scene.rows("systemmodstamp").first?.first
            #expect(systemmodstamp == "2023-11-14 22:13:22", "it was written")
            _ = try await scene.merge([
                patch(Self.one, 3, ["name": "own", "phone": "7"]), patch(Self.two, 3, ["name": "B"]),
            ])
            #expect(
                Set(try await events(scene)) == [
                    #"row.updated \#(Self.one) ["phone", "systemmodstamp"]"#,
                    #"row.updated \#(Self.two) ["name", "systemmodstamp"]"#,
                ])
        }
    }

    @Test func `a page tells of changed values only`() async throws {
        try await withDemand { scene in
            let fields = ["Id", "Name", "Phone", "SystemModstamp"]
            var table = scene.account
            table.plan.keep { fields.contains($0.source) }
            // Rows without recent changes are written together.
            try await scene.pool.execute("delete from multiconnect_sync.recent_changes")
            try await scene.script("update account set _hc_lastop = 'UPDATED' where sfid = '\(Self.one)'")
            let read = try await scene.pool.withConnection {
                try await RunningReadStore().begin(table.mapping.id, on: $0)
            }
            let page = """
                Id,Name,Phone,SystemModstamp
                \(Self.one),A,1,2023-11-14T22:13:25.000Z
                \(Self.two),A,2,2023-11-14T22:13:25.000Z

                """
            let counts = try await PageMerger(table, pool: scene.pool).merge(
                PageMerger.Read(id: read.id, startedAt: read.startedAt, sources: fields),
                page: Array(page.utf8), fence: { _ in })
            #expect(counts.written == 2)
            let told = try await events(scene)
            #expect(told == ["row.updated \(Self.two) -"], "\(told)")
            #expect(try await scene.rows("phone, _hc_lastop") == [["1", "SYNCED"], ["2", "SYNCED"]])
        }
    }
}
