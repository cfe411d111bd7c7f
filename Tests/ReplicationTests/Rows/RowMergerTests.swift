import Foundation
import Postgres
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

private func at(_ seconds: Double) -> Date { MergeScene.at(seconds) }

private func change(
    _ number: Int, _ kind: RecordChange.Kind, _ stamp: Double, _ cells: [String: String?] = [:],
    diffs: [String: String] = [:]
) -> RecordChange {
    RecordChange(
        sfid: MergeScene.sfid(number), kind: kind, stamp: at(stamp), cells: cells, textDiffs: diffs)
}

/// Writing changes to a table.
@Suite(.tags(.store))
struct RowMergerTests {
    @Test func `events insert, change and delete rows`() async throws {
        try await withTables { scene in
            let counts = try await scene.merge([
                change(1, .upsert, 1, ["name": "A", "numberofemployees": "100.0", "website": ""]),
                change(2, .upsert, 1, ["name": "B\0b", "unknown": "x"]),
                change(1, .patch, 2, ["phone": "7"]),
                change(3, .patch, 2, ["phone": "7"]), change(2, .delete, 3),
            ])
            #expect((counts.written, counts.deleted, counts.reread) == (1, 0, 1))
            #expect(
                try await scene.rows(
                    "sfid, name, numberofemployees, website, phone, systemmodstamp, _hc_lastop")
                    == [[MergeScene.sfid(1), "A", "100", nil, "7", "2023-11-14 22:13:22", "SYNCED"]])
            #expect(try await scene.rereads() == [MergeScene.sfid(3): "missing_row"])
            let deleted = try await scene.merge([change(1, .delete, 4)])
            #expect(deleted.deleted == 1)
            #expect(try await scene.rows().isEmpty)
            // An older read does not bring it back.
            let startedAt = try await scene.pool.withConnection { try await RunningReadStore().clock(on: $0) }
            _ = try await scene.merge(
                [change(1, .upsert, 2, ["name": "A"])], from: .read(startedAt: startedAt))
            #expect(try await scene.rows().isEmpty)
            #expect(try await scene.rereads()[MergeScene.sfid(1)] == "conflict")
            let logged: Int = try await scene.user.query("select count(*) from _trigger_log").scalar()
            #expect(logged == 0)
        }
    }

    @Test(arguments: ["2999-01-01", "infinity", "-infinity"])
    func `a stamp that a user wrote does not make the row newer than its changes`(stamp: String) async throws
    {
        try await withTables { scene in
            _ = try await scene.merge([
                change(1, .upsert, 1, ["name": "A"]), change(2, .upsert, 1, ["name": "B"]),
            ])
            try await scene.script("update account set systemmodstamp = '\(stamp)' where name = 'A'")
            let counts = try await scene.merge([
                change(1, .patch, 2, ["name": "A2"]), change(2, .patch, 2, ["name": "B2"]),
            ])
            #expect(counts.written == 2)
            #expect(
                try await scene.rows("name, systemmodstamp")
                    == [["A2", "2023-11-14 22:13:22"], ["B2", "2023-11-14 22:13:22"]])
        }
    }

    @Test func `a row equal to the current one is not written, and updates consume no row ids`() async throws
    {
        try await withTables { scene in
            let cells: [String: String?] = ["name": "A", "annualrevenue": "1.50", "isdeleted": "false"]
            _ = try await scene.merge([change(1, .upsert, 1, cells)])
            let before = try await scene.rows("xmin::text")
            for _ in 0..<3 {
                let counts = try await scene.merge([change(1, .upsert, 1, cells)])
                #expect((counts.written, counts.unchanged) == (0, 1))
            }
            #expect(try await scene.rows("xmin::text") == before)
            _ = try await scene.merge([change(2, .upsert, 1, cells)])
            #expect(try await scene.rows("id::text") == [["1"], ["2"]])
        }
    }

    @Test func `columns with unsent local changes keep the local value, and the row stays pending`()
        async throws
    {
        try await withTables { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A", "phone": "1"])])
            try await scene.user.execute("update account set name = 'local'")
            let counts = try await scene.merge([change(1, .patch, 2, ["name": "B", "phone": "2"])])
            #expect(counts.written == 1)
            #expect(try await scene.rows("name, phone, _hc_lastop") == [["local", "2", "PENDING"]])
            try await scene.script(
                "update _trigger_log set state = 'SUCCESS', processed_at = to_timestamp(1700000003)")
            _ = try await scene.merge([change(1, .patch, 2, ["name": "B"])])
            #expect(try await scene.rows("name") == [["local"]])
            _ = try await scene.merge([change(1, .patch, 3, ["name": "C"])])
            #expect(try await scene.rows("name, _hc_lastop") == [["C", "SYNCED"]])
        }
    }

    @Test(arguments: [true, false])
    func `a refused value is read again when a change of the org ends its protection`(
        isProtected: Bool
    ) async throws {
        try await withTables { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A"])])
            try await scene.user.execute("update account set name = 'refused'")
            try await scene.script(
                """
                update _trigger_log set state = 'FAILED',
                  processed_at = '\(isProtected ? "2100-01-01" : "2000-01-01")';
                update account set _hc_lastop = 'FAILED', _hc_err = 'why'
                """)
            _ = try await scene.merge([change(1, .patch, 2, ["phone": "7"])])
            let rows = try await scene.rows("name, phone, _hc_lastop")
            #expect(rows == [["refused", "7", isProtected ? "FAILED" : "SYNCED"]])
            #expect(try await scene.rereads() == (isProtected ? [:] : [MergeScene.sfid(1): "not_taken"]))
        }
    }

    @Test(arguments: ["ENTITY_IS_DELETED", "FIELD_CUSTOM_VALIDATION_EXCEPTION"])
    func `a read that finds a deleted record again ends the protection of the refused change`(
        code: String
    ) async throws {
        try await withTables { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A"])])
            try await scene.user.execute("update account set name = 'refused'")
            try await scene.script(
                """
                update _trigger_log set state = 'FAILED', processed_at = to_timestamp(1700000002.5);
                update account set _hc_lastop = 'FAILED', _hc_err = '{"code":"\(code)","message":"m"}'
                """)
            // It came back in the second of the refusal.
            let read = ChangeSource.read(startedAt: at(60))
            _ = try await scene.merge([change(1, .upsert, 2, ["name": "B"])], from: read)
            let isBack = code == "ENTITY_IS_DELETED"
            let expected = isBack ? ["B", "SYNCED"] : ["refused", "FAILED"]
            #expect(try await scene.rows("name, _hc_lastop") == [expected])
        }
    }

    @Test func `a local deletion keeps the row away, and comes back when Salesforce refuses it`() async throws
    {
        try await withTables { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A"])])
            try await scene.user.execute("delete from account")
            _ = try await scene.merge([change(1, .upsert, 2, ["name": "B"])])
            #expect(try await scene.rows().isEmpty)
            try await scene.script("update _trigger_log set state = 'FAILED', processed_at = now()")
            _ = try await scene.merge([change(1, .upsert, 3, ["name": "C"])])
            #expect(try await scene.rows("name") == [["C"]])
        }
    }

    @Test func `a refused row is quarantined and read again while the rest is written`() async throws {
        try await withTables { scene in
            try await scene.script("alter table account add constraint short check (char_length(phone) < 5)")
            var changes = (1...40).map { change($0, .upsert, 1, ["name": "A", "phone": "1"]) }
            changes[6].cells["phone"] = "too long"
            changes[30].cells["numberofemployees"] = "many"
            changes[31].cells["numberofemployees"] = "1E2"
            let counts = try await scene.merge(changes)
            #expect((counts.written, counts.refused) == (39, 1))
            #expect(
                try await scene.rereads() == [MergeScene.sfid(7): "refused", MergeScene.sfid(31): "drift"])
            let nulled = try await scene.pool.query(
                "select sfid, column_name, value from multiconnect_sync.nulled_cells")
            #expect(try nulled.map { try $0["value"] as String } == ["many"])
            let employees = try await scene.pool.query(
                "select numberofemployees from \(identifier: scene.fixture.schema, "account") where sfid = \(MergeScene.sfid(32))"
            ).first?["numberofemployees", as: Int.self]
            #expect(employees == 100)
            func quarantined() async throws -> [String] {
                try await scene.pool.query("select sfid from multiconnect_sync.quarantined_rows").column()
            }
            _ = try await scene.merge([changes[6]])
            #expect(try await quarantined() == [MergeScene.sfid(7)])
            _ = try await scene.merge([change(7, .upsert, 2, ["name": "A", "phone": "1"])])
            #expect(try await quarantined().isEmpty)
        }
    }

    @Test func `the entry of a refused row goes when the record is deleted, or has the row's values again`()
        async throws
    {
        try await withTables { scene in
            try await scene.script("alter table account add constraint short check (char_length(phone) < 5)")
            func quarantined() async throws -> [String] {
                try await scene.pool.query(
                    "select sfid from multiconnect_sync.quarantined_rows order by sfid"
                ).column()
            }
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A", "phone": "1"])])
            _ = try await scene.merge([
                change(1, .upsert, 2, ["phone": "too long"]), change(2, .upsert, 2, ["phone": "too long"]),
            ])
            #expect(try await quarantined() == [MergeScene.sfid(1), MergeScene.sfid(2)])
            _ = try await scene.merge([change(2, .delete, 3, [:])])
            #expect(try await quarantined() == [MergeScene.sfid(1)])
            let stamp = MergeRule.text(MergeScene.at(1))
            let same = change(1, .upsert, 1, ["name": "A", "phone": "1", "systemmodstamp": stamp])
            let counts = try await scene.merge([same], from: .read(startedAt: MergeScene.now + 60))
            #expect(counts.written == 0)
            #expect(try await quarantined().isEmpty)
        }
    }

    /// Codes of PL/pgSQL, of no server, of another language, of a missing table, and of a missing setting.
    @Test(arguments: ["P0001", "ZX123", "38000", "42P01", "55000"])
    func `an exception of a user's trigger stops no other row`(_ code: String) async throws {
        try await withTables { scene in
            try await scene.script(
                """
                create function refuse() returns trigger language plpgsql as
                  'begin if new.name = ''bad'' then raise ''no'' using errcode = ''\(code)''; end if; return new; end';
                create trigger refuse before insert or update on account for each row execute function refuse();
                """)
            let counts = try await scene.merge(
                (1...9).map { change($0, .upsert, 1, ["name": $0 == 4 ? "bad" : "good"]) })
            #expect((counts.written, counts.refused) == (8, 1))
        }
    }

    @Test func `a row that the application has locked is read again later, and the others are written`()
        async throws
    {
        try await withTables { scene in
            _ = try await scene.merge([
                change(1, .upsert, 1, ["name": "A"]), change(2, .upsert, 1, ["name": "A"]),
            ])
            try await scene.user.script(
                "begin; update account set name = 'x' where sfid = '\(MergeScene.sfid(1))'")
            let counts = try await scene.merge([
                change(1, .patch, 2, ["phone": "1"]), change(2, .patch, 2, ["phone": "2"]),
            ])
            try await scene.user.script("rollback")
            #expect((counts.written, counts.reread) == (1, 1))
            #expect(try await scene.rereads() == [MergeScene.sfid(1): "locked"])
            #expect(try await scene.rows("phone") == [[nil], ["2"]])
        }
    }

    @Test func `an update that commits while the row's lock is awaited is not overwritten`() async throws {
        try await withTables { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["name": "A"])])
            try await scene.user.script("begin; update account set name = 'local'")
            async let merged = scene.merge([change(1, .patch, 2, ["name": "B", "phone": "1"])])
            try await Task.sleep(for: .milliseconds(200))
            try await scene.user.script("commit")
            _ = try await merged
            #expect(try await scene.rows("name, phone, _hc_lastop") == [["local", "1", "PENDING"]])
        }
    }

    @Test func `a new row is matched by the mapping's unique identifier`() async throws {
        try await withTables(fields: [Describes.externalID("Key__c")], upsertField: "Key__c") { scene in
            try await scene.user.execute(
                "insert into account (name, key__c) values ('local', 'k1'), ('other', 'k2')")
            let counts = try await scene.merge([
                change(1, .upsert, 1, ["name": "A", "key__c": "k1"]), change(2, .upsert, 1, ["key__c": "k3"]),
            ])
            #expect(counts.written == 2)
            #expect(
                try await scene.rows("id::text, sfid, name, _hc_lastop")
                    == [
                        ["1", MergeScene.sfid(1), "local", "PENDING"],
                        ["3", MergeScene.sfid(2), nil, "SYNCED"],
                        ["2", nil, "other", "PENDING"],
                    ])
        }
    }

    @Test func `a difference of a large text needs the old value`() async throws {
        try await withTables { scene in
            let merger = RowMerger(scene.account) { old, difference in
                old == "old" ? old + difference : nil
            }
            _ = try await scene.merge(
                [1, 2].map { change($0, .upsert, 1, ["description": $0 == 1 ? "old" : "another"]) })
            _ = try await scene.merge(
                [1, 2].map { change($0, .patch, 2, ["name": "N"], diffs: ["description": "+new"]) }, merger)
            #expect(try await scene.rows("name, description") == [["N", "old+new"], ["N", "another"]])
            #expect(try await scene.rereads() == [MergeScene.sfid(2): "text_diff"])
        }
    }

    @Test func `external ids of parents come from the parent's row or are read again`() async throws {
        try await withTables(fields: [Describes.externalID("Key__c")]) { scene in
            _ = try await scene.merge([change(1, .upsert, 1, ["key__c": "k1"])])
            let merger = RowMerger(scene.contact, siblings: [scene.account, scene.contact])
            let column = try #require(scene.contact.plan.columns.first { $0.parent != nil }?.name)
            func contact(_ number: Int, _ kind: RecordChange.Kind, _ cells: [String: String?]) -> RecordChange
            {
                RecordChange(
                    sfid: "00300000000000\(number)AAA", kind: kind, stamp: at(Double(number)), cells: cells)
            }
            _ = try await scene.merge(
                [
                    contact(1, .upsert, ["lastname": "A", "accountid": MergeScene.sfid(1)]),
                    contact(2, .upsert, ["lastname": "B", "accountid": MergeScene.sfid(9)]),
                    contact(3, .upsert, ["lastname": "C"]),
                ], merger)
            #expect(try await scene.rows(column, of: "contact") == [["k1"], [nil], [nil]])
            #expect(try await scene.rereads() == ["003000000000002AAA": "parent"])
            _ = try await scene.merge([contact(1, .patch, ["lastname": "D", "accountid": nil])], merger)
            #expect(try await scene.rows(column, of: "contact").first == ["k1"])
        }
    }

    @Test
    func `refused records are read again after growing pauses, and changes are pruned by age and reads`()
        async throws
    {
        try await withTables { scene in
            let (rereads, mapping) = (RereadStore(), scene.account.mapping)
            try await scene.pool.transaction { connection in
                try await rereads.add(["a", "b"], of: mapping, because: .gap, on: connection)
                try await rereads.add(
                    ["c"], of: mapping, because: .refused, after: .seconds(60), on: connection)
                try await rereads.add(
                    ["c"], of: mapping, because: .refused, after: .seconds(60), on: connection)
                let batch = try #require(try await rereads.due(of: mapping.organizationID, on: connection))
                #expect(Set(batch.sfids) == ["a", "b"])
                let pause: Int = try await connection.query(
                    "select extract(epoch from due_at - requested_at)::int from multiconnect_sync.rereads where sfid = 'c'"
                ).scalar()
                #expect(pause == 120)
                try await rereads.postpone(["b"], of: mapping.id, by: .seconds(60), on: connection)
                let startedAt = try await RunningReadStore().clock(on: connection)
                try await rereads.add(["b"], of: mapping, because: .gap, on: connection)
                try await rereads.done(["a", "b"], of: mapping.id, startedAt: startedAt, on: connection)
                let next = try #require(try await rereads.due(of: mapping.organizationID, on: connection))
                #expect(next.sfids == ["b"])
            }
            try await scene.script(
                """
                insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
                values ('\(mapping.id)', '\(mapping.organizationID)', now());
                insert into multiconnect_sync.recent_changes (mapping_id, sfid, stamp, is_deletion, applied_at)
                values ('\(mapping.id)', '1', now(), false, now() - interval '1 hour'),
                  ('\(mapping.id)', '2', now(), false, now() - interval '20 minutes'),
                  ('\(mapping.id)', '3', now(), false, now());
                insert into multiconnect_sync.running_reads (mapping_id, started_at)
                values ('\(mapping.id)', now() - interval '30 minutes');
                """)
            try await scene.pool.withConnection { connection in
                try await RecentChangeStore().prune(of: mapping.organizationID, on: connection)
                let hasEntries = try await RecentChangeStore().hasEntries(
                    of: mapping.organizationID, on: connection)
                #expect(hasEntries, "a later pruning is due")
                let left: [String] = try await connection.query(
                    "select sfid from multiconnect_sync.recent_changes order by 1"
                ).column()
                #expect(left == ["2", "3"])
            }
        }
    }
}

/// The statements give the same result as the rule.
@Suite(.tags(.store))
struct MergeEqualityTests {
    private static let columns = ["name", "phone", "fax"]
    private static let attempt = UUID()

    /// A record before the merge, and the changes that arrive.
    private struct Case {
        var sfid: String
        var row: [String: String?]?
        var stamp = 0.0
        var local: LocalChange?
        var recent: RecentChange?
        var changes: [RecordChange] = []
    }

    @Test(arguments: [false, true])
    func `random changes are written as the rule says`(_ isRead: Bool) async throws {
        try await withTables { scene in
            let started = try await scene.pool.withConnection { try await RunningReadStore().clock(on: $0) }
            var random = SystemRandomNumberGenerator()
            let cases = (1...500).map { makeCase($0, isRead, started, &random) }
            try await prepare(cases, scene)
            try await prepareAttempt(scene, isOpen: !isRead)
            // Their changes wait for the org's events.
            try await scene.script("update account set _hc_lastop = 'UPDATED'")
            let source = isRead ? ChangeSource.read(startedAt: started) : .events
            _ = try await scene.merge(
                cases.flatMap(\.changes), from: source)
            let rows = try await scene.rows("sfid, name, phone, fax, systemmodstamp::text, _hc_lastop")
            let found = Dictionary(uniqueKeysWithValues: rows.map { ($0[0] ?? "", $0) })
            let rereads = try await scene.rereads()
            for item in cases {
                let (expected, reread) = expectation(item, source, isOpen: !isRead)
                let row = found[item.sfid].map { row in
                    Dictionary(uniqueKeysWithValues: zip(Self.columns + ["systemmodstamp"], row[1...4]))
                }
                #expect(row == expected, "\(item)")
                #expect((rereads[item.sfid] != nil) == reread, "\(item)")
            }
        }
    }

    private func makeCase(
        _ number: Int, _ isRead: Bool, _ started: Date, _ random: inout SystemRandomNumberGenerator
    ) -> Case {
        func cells() -> [String: String?] {
            var cells: [String: String?] = [:]
            for column in Self.columns where Bool.random(using: &random) {
                cells[column] = [nil, "1", "2"].randomElement(using: &random)
            }
            return cells
        }
        var item = Case(sfid: MergeScene.sfid(number))
        item.stamp = Double(Int.random(in: 0...4, using: &random))
        if Int.random(in: 0..<4, using: &random) > 0 { item.row = cells() }
        let time = at(Double(Int.random(in: 0...6, using: &random)))
        if Bool.random(using: &random) {
            let state =
                [
                    LocalChange.State.waiting, .sending,
                    .sent(isRead ? started + Double.random(in: -1...1) : time),
                    .failed(time),
                ]
                .randomElement(using: &random) ?? .waiting
            item.local =
                item.row == nil
                ? LocalChange(state, isDeletion: true)
                : LocalChange(
                    state, columns: Set(Self.columns.filter { _ in Bool.random(using: &random) }),
                    attempts: Bool.random(using: &random) ? [Self.attempt] : [])
        }
        if Bool.random(using: &random) {
            item.recent = RecentChange(
                stamp: at(Double(Int.random(in: 0...6, using: &random))), isDeletion: item.row == nil,
                appliedAt: started - (Bool.random(using: &random) ? 5 : 15))
        }
        for _ in 0..<(isRead ? 1 : Int.random(in: 1...3, using: &random)) {
            let kind = [RecordChange.Kind.upsert, .patch, .delete].randomElement(using: &random) ?? .patch
            var change = change(
                number, kind, Double(Int.random(in: 0...6, using: &random)), kind == .delete ? [:] : cells())
            if !isRead, Bool.random(using: &random) { change.attempt = Self.attempt }
            if isRead, kind == .upsert {
                change.cells["systemmodstamp"] = .some(MergeRule.text(change.stamp))
            }
            item.changes.append(change)
        }
        item.changes.sort { $0.stamp < $1.stamp }
        return item
    }

    private func prepare(_ cases: [Case], _ scene: MergeScene) async throws {
        func literal(_ text: String?) -> String { text.map { "'\($0)'" } ?? "null" }
        func time(_ date: Date) -> String { "to_timestamp(\(date.timeIntervalSince1970))" }
        var script = ""
        for item in cases {
            if let row = item.row {
                let values = Self.columns.map { literal(row[$0] ?? nil) }.joined(separator: ", ")
                script += """
                    insert into account (sfid, name, phone, fax, systemmodstamp)
                    values ('\(item.sfid)', \(values), \(time(at(item.stamp))) at time zone 'UTC');
                    """
            }
            if let recent = item.recent {
                script += """
                    insert into multiconnect_sync.recent_changes (mapping_id, sfid, stamp, is_deletion, applied_at)
                    values ('\(scene.account.mapping.id)', '\(item.sfid)', \(time(recent.stamp)), \(recent.isDeletion),
                      \(time(recent.appliedAt)));
                    """
            }
            if let local = item.local {
                let (state, processed): (String, Date?) =
                    switch local.state {
                    case .waiting: ("NEW", nil)
                    case .sending: ("PENDING", nil)
                    case .sent(let date): ("SUCCESS", date)
                    case .failed(let date): ("FAILED", date)
                    }
                let keys = local.columns.map { "\"\($0)\"=>\"x\"" }.joined(separator: ", ")
                script += """
                    insert into _trigger_log
                      (action, table_name, state, processed_at, sf_message, record_id, sfid, "values")
                    values ('\(local.isDeletion ? "DELETE" : "UPDATE")', 'account', '\(state)',
                      \(processed.map(time) ?? "null"), \(local.attempts.isEmpty ? "null" : "'sent'"),
                      (select id from account where sfid = '\(item.sfid)'), '\(item.sfid)', '\(keys)');
                    """
            }
        }
        try await scene.script(script)
    }

    /// An attempt that sent the marked entries. Open for events; settled for reads, which are refused while
    /// an insert is open.
    private func prepareAttempt(_ scene: MergeScene, isOpen: Bool) async throws {
        try await scene.script(
            """
            insert into multiconnect_sync.write_attempts
              (id, organization_id, mapping_id, action, method, epoch, state, log_ids, record_ids, settle_at)
            select '\(Self.attempt)', '\(scene.account.mapping.organizationID)',
              '\(scene.account.mapping.id)', 'upsert', 'collection', 1, '\(isOpen ? "sent" : "settled")',
              array_agg(id), array_agg(record_id), now()
            from _trigger_log where sf_message = 'sent'
            """)
    }

    /// The row and whether the record is read again, by the rule alone.
    private func expectation(
        _ item: Case, _ source: ChangeSource, isOpen: Bool
    ) -> (row: [String: String?]?, reread: Bool) {
        let rule = MergeRule()
        var row = item.row.map { cells in
            var all: [String: String?] = Dictionary(
                uniqueKeysWithValues: Self.columns.map { ($0, cells[$0] ?? nil) })
            all["systemmodstamp"] = .some(MergeRule.text(at(item.stamp)))
            return all
        }
        var record = MergeRule.Record(
            exists: row != nil, stamp: row == nil ? nil : at(item.stamp), recent: item.recent,
            local: item.local.map { [$0] } ?? [],
            openInserts: isOpen ? [OpenInsert(id: Self.attempt, from: at(0), until: nil)] : [])
        var reread = false
        // Compared with the row before the merge.
        var open: [String: String?] = [:]
        // A record that comes back in the same merge keeps its row.
        var before: [String: String?]?
        for change in item.changes {
            switch rule.decide(change, from: source, on: record) {
            case .skip: continue
            case .reread:
                reread = true
                continue
            case .conflict(let cells):
                if cells.contains(where: { (row?[$0.key] ?? nil) != $0.value }) { reread = true }
                open.merge(rule.cellsInOpenOrder(change, from: source, on: record)) { $1 }
                continue
            case .hold:
                record.isHeld = true
                continue
            case .nothing: break
            case .insert(let cells):
                let kept = before ?? [:]
                row = Dictionary(
                    uniqueKeysWithValues: (Self.columns + ["systemmodstamp"]).map { column in
                        (column, cells[column] ?? kept[column] ?? nil)
                    })
                record.exists = true
            case .update(let cells):
                open.merge(rule.cellsInOpenOrder(change, from: source, on: record)) { $1 }
                row?.merge(cells) { $1 }
            case .delete:
                if item.row != nil { before = row ?? before }
                row = nil
                open = [:]
                record.exists = false
                record.local.removeAll { !$0.isDeletion }
            }
            if source == .events {
                if change.attempt != nil { record.local.removeAll { !$0.attempts.isEmpty } }
                record.stamp = change.stamp
                record.recent = RecentChange(
                    stamp: change.stamp, isDeletion: change.kind == .delete, appliedAt: Date())
            }
        }
        if let first = item.row, open.contains(where: { (first[$0.key] ?? nil) != $0.value }) {
            reread = true
        }
        let spelled = row.map { row in
            row.merging(
                [
                    "systemmodstamp": (row["systemmodstamp"] ?? nil)?.replacing("T", with: " ").replacing(
                        ".000Z", with: "")
                ]
            ) { $1 }
        }
        return (spelled, reread)
    }
}
