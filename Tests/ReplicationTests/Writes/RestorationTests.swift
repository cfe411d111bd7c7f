import Activity
import Encoding
import Foundation
import Organizations
import Postgres
import Support
import Testing

@testable import Replication

/// A tenant after its cell was restored to an earlier time.
@Suite(.tags(.store), .serialized)
struct RestorationTests {
    private func restored(_ scene: OrgScene, since time: Date) async throws -> TenantRestoration.Report {
        let organization = try await scene.control.withConnection {
            try await OrganizationStore(on: $0).get(id: scene.organizationID)
        }
        return try await scene.cell.withConnection {
            try await TenantRestoration(control: scene.control).mark(
                organization, since: time, by: "ann", on: $0)
        }
    }

    /// Brings the log and the rows to their state before the first request, as a restore does.
    private func rewind(_ scene: OrgScene) async throws {
        try await scene.cell.withConnection { connection in
            try await connection.transaction { connection in
                try await connection.script(
                    """
                    set local xmlbinary = 'hex';
                    update \(scene.schema).account set sfid = null, _hc_lastop = 'PENDING'
                        where name = 'Zebra';
                    update \(scene.schema)._trigger_log set state = 'NEW', sfid = null, processed_at = null;
                    delete from multiconnect_sync.write_attempts;
                    """)
            }
        }
    }

    @Test func `an insert that the restored log has as unsent is not sent again, and makes no second row`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            let start = Date()
            try await scene.writing(reads: true) {
                try await scene.app("insert into T.account (name) values ('Zebra')")
                try await scene.waitWritten()
            }
            let written = try await scene.written()
            #expect(written.count == 1)
            let sfid = try #require(written.first?["id"]?.string)
            try await rewind(scene)
            let report = try await restored(scene, since: start)
            #expect(report == TenantRestoration.Report(inDoubt: 1))
            let notification = try #require(
                try await scene.notifications().first { $0.eventType == InDoubtStore.event })
            #expect(notification.message.contains("1 change and 0 requests may have reached Salesforce"))
            let epoch: Int = try await scene.cell.query(
                "select epoch from multiconnect_sync.leases where organization_id = \(scene.organizationID)"
            ).scalar()
            #expect(epoch == 2, "the former holder has lost the tenant")
            try await scene.writing(epoch: 3, reads: true) {
                // A later change of another row is sent.
                try await scene.app("insert into T.account (name) values ('Later')")
                try await eventually("the later insert") { try await scene.written().count == 2 }
                try await Task.sleep(for: .seconds(1))
            }
            #expect(try await scene.written().count == 2, "the restored insert is not sent")
            let rows: Int = try await scene.app("select count(*) from T.account where name = 'Zebra'")
                .scalar()
            #expect(rows == 1)
            // A person names its record.
            let store = LocalWriteStore(organization: scene.organizationID, schema: scene.schema)
            try await scene.cell.withConnection { connection in
                var filter = LocalWriteFilter()
                filter.status = .inDoubt
                let doubtful = try await store.list(filter, on: connection)
                #expect(doubtful.count == 1 && doubtful[0].message?.contains("restored") == true)
                let tables = try await SyncedTableStore().tables(
                    of: scene.organizationID, try await scene.mappings(), on: connection)
                let recording = try await connection.transaction {
                    try await store.recordAsWritten(doubtful[0], sfid: sfid, in: tables, on: $0)
                }
                #expect(recording == .done)
            }
            let found: String? = try await scene.app("select sfid from T.account where name = 'Zebra'")
                .scalar()
            #expect(found == sfid)
        }
    }

    @Test func `requests without an outcome and requeued changes are in doubt or failed, later ones wait`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.app("insert into T.account (name) values ('a'), ('b'), ('c')")
            let ids: [Int] = try await scene.app("select id from T._trigger_log order by id").column()
            // The second is part of a request; the third was made half an hour after the restored time.
            try await scene.app(
                """
                update T._trigger_log set state = case when id = \(ids[1]) then 'PENDING' else 'NEW' end,
                    created_at = now() - case when id = \(ids[2]) then interval '1 minute' else '31 minutes' end
                """)
            let mapping = try #require(try await scene.mappings().first { $0.objectName == "Account" })
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.write_attempts
                  (organization_id, mapping_id, action, method, epoch, log_ids, record_ids, settle_at)
                values (\(scene.organizationID), \(mapping.id), 'insert', 'collection', 1, \([ids[1]])::int[],
                  '{2}', now())
                """)
            try await scene.app(
                """
                insert into T._trigger_log_archive (id, state, action, table_name, record_id)
                values (900, 'REQUEUE', 'UPDATE', 'account', 1)
                """)
            let report = try await restored(scene, since: Date(timeIntervalSinceNow: -1_800))
            #expect(report == TenantRestoration.Report(inDoubt: 1, attempts: 1, requeued: 1))
            let states: [String] = try await scene.app("select state from T._trigger_log order by id")
                .column()
            #expect(states == ["PENDING", "PENDING", "NEW"])
            let archived: [String] = try await scene.app("select state from T._trigger_log_archive").column()
            #expect(archived == ["FAILED"])
            // Again: nothing is left to mark.
            let again = try await restored(scene, since: Date(timeIntervalSinceNow: -1_800))
            #expect(again == TenantRestoration.Report())
            let actions: [String] = try await scene.control.query(
                "select detail from multiconnect.activity where action = 'organizations.restored' order by id"
            ).column()
            #expect(
                actions == [
                    "1 changes, 1 requests and 0 platform events are in doubt",
                    "0 changes, 0 requests and 0 platform events are in doubt",
                ])
        }
    }

    @Test func `platform events that may have been published are not published again by themselves`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            let schema = scene.schema
            try await scene.cell.withConnection { try await EventTables(schema: schema).create(on: $0) }
            // Unsent, sent without an answer, published, and stored long after the restored time.
            try await scene.app(
                """
                insert into T._platform_events (event_name, payload, state, created_at, sent_at) values
                  ('A__e', '{}', 'NEW', now() - interval '31 minutes', null),
                  ('B__e', '{}', 'PENDING', now() - interval '31 minutes', now() - interval '31 minutes'),
                  ('C__e', '{}', 'SUCCESS', now() - interval '31 minutes', now() - interval '31 minutes'),
                  ('D__e', '{}', 'NEW', now() - interval '1 minute', null)
                """)
            let report = try await restored(scene, since: Date(timeIntervalSinceNow: -1_800))
            #expect(report == TenantRestoration.Report(events: 2))
            let store = PlatformEventStore(schema: schema)
            let taken = try await scene.cell.withConnection { connection in
                // As the next lease holder does.
                try await store.reopen(on: connection)
                try await store.prune(on: connection)
                return try await store.take(limit: 10, epoch: 3, on: connection)
            }
            #expect(taken.map(\.event) == ["D__e"])
            // The statements of the command's output list and publish them.
            let statements = TenantRestoration.eventStatements(schema: schema)
            let listed = try await scene.cell.query(SQL(raw: String(statements[0].dropLast())))
            let ids: [Int] = try listed.map { try $0["id"] }
            #expect(ids.count == 2)
            try await scene.cell.execute(
                SQL(raw: statements[1].replacing("(...);", with: "(\(ids[0]))")))
            let again = try await scene.cell.withConnection {
                try await store.take(limit: 10, epoch: 3, on: $0)
            }
            #expect(again.map(\.id) == [ids[0]] && again.map(\.attempts) == [1])
        }
    }
}
