import Activity
import Foundation
import OrgSimulator
import Postgres
import Reactor
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// Rarer ways in which changes of a simulated org arrive.
@Suite(.tags(.store), .serialized)
struct LiveReadingTests {
    private func live(
        settings: (inout ReplicationSettings) -> Void = { _ in },
        _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await withOrg(settings: settings) { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await body(scene)
        }
    }

    private func configure(
        _ settings: inout ReplicationSettings, _ change: (inout MappingConfiguration) -> Void
    ) {
        for place in settings.mappings.mappings.indices
        where settings.mappings.mappings[place].objectName == "Account" {
            change(&settings.mappings.mappings[place].configuration)
        }
    }

    /// Polls run only at the start and if something asks for them.
    private static func eventsOnly(_ pace: inout SyncPace) {
        pace.forcedInterval = .seconds(600)
        pace.earlyPollPause = .milliseconds(50)
    }

    /// The object is not selected for change events, and its mapping asks for notifications.
    ///
    /// - Parameter before: runs before the reading starts.
    private func notified(
        before: @escaping @Sendable (OrgScene) async throws -> Void = Self.addTopic,
        _ body: @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await live(settings: { self.configure(&$0) { $0.notify = true } }) { scene in
            try await scene.change(["kind": "settings", "settings": ["selected": [String]()]])
            try await before(scene)
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await scene.connected()
                try await scene.polled()
                try await body(scene)
            }
        }
    }

    private static func addTopic(_ scene: OrgScene) async throws {
        try await scene.change([
            "kind": "create", "object": "PushTopic",
            "records": [["Name": "Accounts", "Query": "SELECT Id, Name FROM Account", "ApiVersion": 60.0]],
        ])
    }

    @Test func `a missing PushTopic is created`() async throws {
        try await notified(before: { _ in }) { scene in
            let created = try await scene.change(["kind": "create", "records": [["Name": "noticed"]]])
            let id = try #require(created.first)
            try await eventually("polled early") { try await scene.hasAccount(id, name: "noticed") }
        }
    }

    @Test func `a mapping whose position is lost is read again`() async throws {
        try await live { scene in
            let mapping = try await scene.mapping("Account")
            // As after the restore of a backup of one of the databases.
            try await scene.cell.execute(
                "delete from multiconnect_sync.positions where mapping_id = \(mapping.id)")
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await eventually("a reload is requested") {
                    try await scene.control.query(
                        """
                        select exists (select from multiconnect.jobs where class = \(ReloadJob.className)
                          and args->>0 = \(mapping.id.uuidString.lowercased()))
                        """
                    ).scalar()
                }
                #expect(
                    try await scene.notifications().contains {
                        $0.eventType == ChangeNotification.positionLost && $0.message.contains("Account")
                    })
            }
            #expect(
                try await scene.cell.query(
                    "select count(*) from multiconnect_sync.positions where mapping_id = \(mapping.id)"
                ).scalar() == 1)
        }
    }

    @Test func `operators are notified of a refused PushTopic`() async throws {
        try await live(settings: { self.configure(&$0) { $0.notify = true } }) { scene in
            try await scene.change(["kind": "settings", "settings": ["selected": [String]()]])
            try await scene.fault([
                "kind": "fail", "path": "/sobjects/PushTopic", "count": 1, "status": 400,
                "code": "INVALID_FIELD", "message": "Account is not supported",
            ])
            @Sendable func open() async throws -> [String] {
                try await scene.control.query(
                    """
                    select message from multiconnect.notifications
                    where event_type = 'push_topic_refused' and acknowledged_at is null
                    """
                ).map { try $0["message"] }
            }
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await eventually("notified") { try await !open().isEmpty }
                try await scene.polled()
            }
            #expect(try await open().first?.contains("Account is not supported") == true)
            // The next start asks again.
            try await scene.reading(epoch: 2, pace: Self.eventsOnly) {
                try await scene.connected()
                try await eventually("resolved") { try await open().isEmpty }
            }
        }
    }

    @Test func `a PushTopic's notification polls its object at once`() async throws {
        try await notified { scene in
            let created = try await scene.change([
                "kind": "create", "records": [["Name": "noticed"]],
            ])
            let id = try #require(created.first)
            try await eventually("polled early") { try await scene.hasAccount(id, name: "noticed") }
        }
    }

    @Test func `an early poll that is asked for during a poll follows it`() async throws {
        try await notified { scene in
            let before = try await scene.calls()[.queryAll, default: 0]
            try await scene.fault(["kind": "delay", "path": "/queryAll", "count": 1, "milliseconds": 1_500])
            let first = try await scene.change(["kind": "create", "records": [["Name": "first"]]])
            try await eventually("the poll runs") {
                try await scene.calls()[.queryAll, default: 0] == before + 1
            }
            let second = try await scene.change(["kind": "create", "records": [["Name": "second"]]])
            try await eventually("both arrive") {
                guard try await scene.hasAccount(try #require(first.first)) else { return false }
                return try await scene.hasAccount(try #require(second.first))
            }
            #expect(try await scene.calls()[.queryAll, default: 0] >= before + 2)
        }
    }

    @Test func `a row whose record leaves the filter is removed by an event, and comes back by another`()
        async throws
    {
        try await live(settings: { self.configure(&$0) { $0.filter = "Name != 'hidden'" } }) { scene in
            let created = try await scene.change(["kind": "create", "records": [["Name": "shown"]]])
            let id = try #require(created.first)
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await scene.connected()
                try await scene.polled()
                #expect(try await scene.hasAccount(id, name: "shown"))
                let queries = try await scene.calls()[.queryAll, default: 0]
                try await scene.change(["kind": "update", "ids": [id], "values": ["Name": "hidden"]])
                try await eventually("removed") { try await !scene.hasAccount(id) }
                try await scene.change(["kind": "update", "ids": [id], "values": ["Name": "back"]])
                try await eventually("back") { try await scene.hasAccount(id, name: "back") }
                // Each event costs one read of the record.
                #expect(try await scene.calls()[.queryAll, default: 0] >= queries)
                #expect(
                    try await scene.cell.query(
                        "select count(*) from multiconnect_sync.rereads"
                    ).scalar(as: Int.self) == 0)
            }
        }
    }

    @Test func `a record that is missing for a user without View All Data keeps its row`() async throws {
        try await live { scene in
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await scene.connected()
                try await scene.polled()
                try await scene.fault(["kind": "lose_right", "right": "ViewAllData"])
                let id: String = try await scene.cell.query(
                    "select min(sfid) from \(identifier: scene.schema, "account")"
                ).scalar()
                // As if it were hidden: the org does not return it.
                try await scene.change(["kind": "hardDelete", "ids": [id], "events": false])
                try await scene.change([
                    "kind": "gap", "changeType": "GAP_UPDATE", "recordIds": [id],
                ])
                try await eventually("the record was read again, and is read later") {
                    try await scene.cell.query(
                        """
                        select count(*) = 1 from multiconnect_sync.rereads
                        where sfid = \(id) and due_at > now() + interval '1 minute'
                        """
                    ).scalar()
                }
                #expect(try await scene.hasAccount(id))
            }
        }
    }

    @Test func `the stream is planned when the first table is imported`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await eventually("the reading runs without tables") {
                    try await scene.cell.query("select count(*) = 1 from multiconnect_sync.stream_states")
                        .scalar()
                }
                _ = try await scene.runImports()
                try await scene.connected()
                let created = try await scene.change(["kind": "create", "records": [["Name": "new"]]])
                let id = try #require(created.first)
                try await eventually("its event arrives") { try await scene.hasAccount(id, name: "new") }
            }
        }
    }

    @Test func `tables that are read again while the stream is connected need no further poll`() async throws
    {
        try await live { scene in
            try await scene.reading(epoch: 1, pace: Self.eventsOnly) {
                try await scene.connected()
                try await scene.polled()
                try await scene.control.execute("update multiconnect.mappings set updated_at = now()")
                try await EventLoop.current.sleep(for: .milliseconds(500))
                // The channel gets its first position.
                let created = try await scene.change(["kind": "create", "records": [["Name": "new"]]])
                let id = try #require(created.first)
                try await eventually("its event arrives") { try await scene.hasAccount(id, name: "new") }
                let due: Int = try await scene.cell.query(
                    "select count(*) from multiconnect_sync.positions where polled_at is null"
                ).scalar()
                #expect(due == 0)
            }
        }
    }

    @Test func `the running read of a poll is renewed while its Bulk job runs`() async throws {
        try await live { scene in
            try await scene.change(["kind": "settings", "settings": ["selected": [String]()]])
            try await scene.change(["kind": "update", "count": 150, "events": false])
            try await scene.fault(["kind": "slow_bulk", "polls": 1_000_000, "milliseconds": 0])
            let results = try await scene.calls()[.bulkResults, default: 0]
            try await scene.reading(epoch: 1) { pace in
                pace.bulkThreshold = 50
                pace.bulkCheck = .milliseconds(20)
                pace.longestBulkCheck = .milliseconds(40)
            } _: {
                func renewed() async throws -> Date? {
                    try await scene.cell.query(
                        """
                        select max(r.renewed_at) as renewed from multiconnect_sync.running_reads r
                        where r.renewed_at > r.started_at
                        """
                    ).first?["renewed"]
                }
                var last = Date.distantPast
                for _ in 1...3 {
                    let known = last
                    try await eventually("renewed") { try await renewed().map { $0 > known } ?? false }
                    last = try #require(try await renewed())
                }
                #expect(try await scene.calls()[.bulkResults, default: 0] == results, "the job still runs")
            }
        }
    }

    @Test func `disabled triggers are notified until they are enabled`() async throws {
        try await live { scene in
            let isOpen = { @Sendable () async throws -> Bool in
                try await scene.control.query(
                    """
                    select exists (select from multiconnect.notifications where acknowledged_at is null
                      and event_type = \(ChangeNotification.captureDisabled) and message like '%account')
                    """
                ).scalar()
            }
            try await scene.reading(epoch: 1, pace: { $0.healthInterval = .milliseconds(300) }) {
                try await scene.app("alter table T.account disable trigger user")
                try await eventually("operators are notified") { try await isOpen() }
                let disabled: Bool = try await scene.cell.query(
                    """
                    select bool_and(tgenabled = 'D') from pg_trigger where tgname like 'hc_account%'
                      and tgrelid = (\(scene.schema + ".account"))::regclass
                    """
                ).scalar()
                #expect(disabled, "somebody may need them disabled for a moment")
                try await scene.app("alter table T.account enable trigger user")
                try await eventually("the notification is closed") { try await !isOpen() }
            }
        }
    }

    @Test func `after an application dropped a column, rows are written and the column comes back`()
        async throws
    {
        try await live { scene in
            let known: [String] = try await scene.cell.query(
                "select sfid from \(identifier: scene.schema, "account") where phone is not null"
            ).column()
            try await scene.reading(
                epoch: 1,
                pace: {
                    $0.forcedInterval = .milliseconds(300)
                    $0.healthInterval = .milliseconds(300)
                }
            ) {
                try await scene.connected()
                try await scene.polled()
                try await scene.damage("alter table account drop column phone")
                let ids = try await scene.change([
                    "kind": "create", "records": [["Name": "first", "Phone": "1"], ["Name": "second"]],
                ])
                for id in ids {
                    try await eventually("the row is written") { try await scene.hasAccount(id) }
                }
                try await eventually("the column is back") {
                    try await scene.cell.query(
                        """
                        select exists (select from information_schema.columns
                          where table_schema = \(scene.schema) and table_name = 'account'
                            and column_name = 'phone')
                        """
                    ).scalar()
                }
                let refused: Int = try await scene.cell.query(
                    "select count(*) from multiconnect_sync.quarantined_rows"
                ).scalar()
                #expect(refused == 0)
                try await eventually("its back-fill is enqueued") {
                    try await scene.control.query(
                        """
                        select exists (select from multiconnect.jobs
                          where class = \(BackfillJob.className) and finished_at is null)
                        """
                    ).scalar()
                }
            }
            let id = try await scene.mapping("Account").id
            let job = try await scene.queue.enqueue(BackfillJob.job(for: id, of: scene.organizationID))
            _ = try await ColumnBackfill(scene.services).run(id, try await scene.claim(job))
            // A record that has just changed is read again.
            let unfilled: [String] = try await scene.cell.query(
                """
                select sfid from \(identifier: scene.schema, "account")
                where phone is null and sfid = any (\(known)::text[])
                """
            ).column()
            #expect(try await scene.rereads("Account").isSuperset(of: unfilled), "\(unfilled)")
            #expect(unfilled.count < known.count)
        }
    }
}
