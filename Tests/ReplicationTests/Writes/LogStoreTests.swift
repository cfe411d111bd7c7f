import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// Claiming the entries of a tenant's log, and the answers to them.
@Suite(.tags(.store))
struct LogStoreTests {
    private static let a = MergeScene.sfid(1)
    private static let b = MergeScene.sfid(2)

    @Test func `new entries are read by id with the record that their row has now`() async throws {
        try await withLog { log in
            try await log.user.script(
                """
                insert into account (name, phone) values ('A "1"', null), ('B', '2');
                update account set phone = '3' where name = 'B';
                """)
            try await log.change("update account set sfid = '\(Self.a)' where name = 'B'")
            let entries = try await log.open()
            #expect(entries.map(\.action) == [.insert, .insert, .update])
            #expect(entries.map(\.sfid) == [nil, Self.a, Self.a])
            #expect(entries[0].values["name"] == .some("A \"1\""))
            #expect(entries[0].values["phone"] == .some(nil))
            #expect(entries[2].values == ["phone": "3"])
            #expect(entries[2].old["phone"] == .some("2"))
            let rest = try await log.scene.pool.withConnection {
                try await log.log.open(excluding: [entries[0].id], limit: 1, on: $0)
            }
            #expect(rest.map(\.id) == [entries[1].id])
        }
    }

    @Test func `only entries that are still new are claimed`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A'), ('B')")
            let entries = try await log.open()
            try await log.user.execute("update _trigger_log set state = 'FAILED' where id = \(entries[0].id)")
            let (attempt, claimed) = try await log.begin(entries, .insert)
            #expect(claimed == [entries[1].id])
            #expect(attempt.logIDs == [entries[1].id])
            #expect(attempt.recordIDs == [2])
            #expect(attempt.settleAt.timeIntervalSince(attempt.sentAt) > 659)
            let states = try await log.entries("state")
            #expect(states == [["FAILED"], ["PENDING"]])
            let stored = try await log.scene.pool.withConnection {
                try await WriteAttemptStore().open(of: log.scene.fixture.tenant.id, on: $0)
            }
            #expect(stored == [attempt])
            let again = try await log.begin(entries, .insert)
            #expect(again.claimed == [])
            let count = try await log.attemptStates().count
            #expect(count == 1)
        }
    }

    @Test func `an inserted row gets its record and the status INSERTED`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A'), ('B')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            let problem = WriteProblem("REQUIRED_FIELD_MISSING", "no name", fields: ["Name"])
            let recorded = try await log.record(
                [
                    (entries[0], .written(sfid: Self.a, leftOut: ["Sic"])), (entries[1], .failed(problem)),
                ], of: attempt, .insert)
            #expect(recorded == LogStore.Recorded())
            let rows = try await log.scene.rows("id, sfid, _hc_lastop, _hc_err")
            #expect(
                rows == [
                    ["1", Self.a, "INSERTED", nil],
                    [
                        "2", nil, "FAILED",
                        #"{"code":"REQUIRED_FIELD_MISSING","message":"no name","fields":["Name"]}"#,
                    ],
                ])
            let found = try await log.entries(
                "state, sfid, sf_message, (processed_at is not null)::text, (processed_tx is not null)::text")
            #expect(
                found == [
                    [
                        "SUCCESS", Self.a, "not sent, because they are read-only or not synced: Sic", "true",
                        "true",
                    ],
                    ["FAILED", nil, "REQUIRED_FIELD_MISSING: no name [Name]", "true", "true"],
                ])
            let states = try await log.attemptStates()
            #expect(states == ["settled"])
            let failed = try await log.scene.pool.withConnection {
                try await log.log.failedInserts(limit: 10, on: $0)
            }
            #expect(failed.map(\.id) == [entries[1].id])
        }
    }

    @Test func `a row that fails again stays failed`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            for message in ["first", "second"] {
                let entries = try await log.open()
                let (attempt, _) = try await log.begin(entries, .insert)
                _ = try await log.record(
                    [(entries[0], .failed(WriteProblem("X", message)))], of: attempt, .insert)
                try await log.user.execute("update _trigger_log set state = 'NEW'")
            }
            let rows = try await log.scene.rows("_hc_lastop, _hc_err::json ->> 'message'")
            #expect(rows == [["FAILED", "second"]])
        }
    }

    @Test func `a row with a later change stays pending and its later change gets the record`() async throws {
        try await withLog { log in
            try await log.user.script(
                "insert into account (name) values ('A'); update account set name = 'B'")
            let entries = try await log.open()
            try await log.write([entries[0]], .insert, sfids: [Self.a])
            let rows = try await log.scene.rows("sfid, name, _hc_lastop")
            #expect(rows == [[Self.a, "B", "PENDING"]])
            let found = try await log.entries()
            #expect(found == [["SUCCESS", Self.a], ["NEW", Self.a]])
            try await log.write([try await log.open()[0]], .update, sfids: [Self.a])
            let end = try await log.scene.rows("_hc_lastop")
            #expect(end == [["UPDATED"]])
        }
    }

    @Test func `the failure of an old update does not hide a newer change`() async throws {
        try await withLog { log in
            try await log.change("insert into account (sfid, name) values ('\(Self.a)', 'A')")
            try await log.user.script("update account set name = 'B'; update account set name = 'C'")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin([entries[0]], .update)
            _ = try await log.record([(entries[0], .failed(WriteProblem("X", "y")))], of: attempt, .update)
            let rows = try await log.scene.rows("_hc_lastop, _hc_err")
            #expect(rows == [["PENDING", nil]])
        }
    }

    @Test func `a refused insert shows its reason although later changes wait for it`() async throws {
        try await withLog { log in
            try await log.user.script(
                "insert into account (name) values ('A'); update account set name = 'B'")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin([entries[0]], .insert)
            _ = try await log.record([(entries[0], .failed(WriteProblem("X", "y")))], of: attempt, .insert)
            let rows = try await log.scene.rows("_hc_lastop, _hc_err::json ->> 'code'")
            #expect(rows == [["FAILED", "X"]])
        }
    }

    @Test func `a row that was deleted while its insert was in flight is deleted in the org`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            try await log.user.execute("delete from account")
            let before = try await log.entries()
            #expect(before == [["PENDING", nil], ["IGNORE", nil]])
            let moved = try await log.scene.pool.transaction { try await log.log.archive(limit: 10, on: $0) }
            #expect(moved == 0)
            _ = try await log.record(
                [(entries[0], .written(sfid: Self.a, leftOut: []))], of: attempt, .insert)
            let after = try await log.entries()
            #expect(after == [["SUCCESS", Self.a], ["NEW", Self.a]])
            let deletion = try await log.open()
            #expect(deletion.map(\.action) == [.delete])
            try await log.write(deletion, .delete, sfids: [Self.a])
            let end = try await log.entries("state")
            #expect(end == [["SUCCESS"], ["SUCCESS"]])
        }
    }

    @Test func `a deletion of an unsent row is read while its insert is open`() async throws {
        try await withLog { log in
            try await log.user.script(
                """
                insert into account (name) values ('A'), ('B');
                delete from account where name = 'A';
                """)
            try await log.user.script("insert into account (name) values ('C')")
            let entries = try await log.open()
            #expect(entries.map(\.action) == [.insert, .insert, .delete, .insert])
            #expect(entries[2].sfid == nil)
            #expect(entries[2].old["name"] == .some("A"))
            let rest = try await log.scene.pool.withConnection {
                try await log.log.open(excluding: Set(entries[..<3].map(\.id)), limit: 10, on: $0)
            }
            #expect(rest.map(\.id) == [entries[3].id])
            // A deletion that is not read yet comes before the changes after it.
            let cut = try await log.scene.pool.withConnection {
                try await log.log.open(excluding: Set(entries[..<2].map(\.id)), limit: 1, on: $0)
            }
            #expect(cut.map(\.id) == [entries[2].id])
            // The insert needs no deletion any more.
            try await log.user.execute(
                "update _trigger_log set state = 'IGNORED' where id = \(entries[0].id)")
            let later = try await log.open()
            #expect(later.map(\.id) == [entries[1].id, entries[3].id])
        }
    }

    @Test func `rows that another session has locked are recorded later`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A'), ('B')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            let ends = zip(entries, [Self.a, Self.b]).map { ($0, WriteEnd.written(sfid: $1, leftOut: [])) }
            try await log.user.script("begin; update account set phone = '1' where id = 1")
            let first = try await log.record(ends, of: attempt, .insert)
            #expect(first.locked == [entries[0].id])
            let states = try await log.entries("state")
            #expect(states == [["PENDING"], ["SUCCESS"]])
            var open = try await log.attemptStates()
            #expect(open == ["sent"])
            try await log.user.script("commit")
            let second = try await log.record([ends[0]], of: attempt, .insert)
            #expect(second == LogStore.Recorded())
            open = try await log.attemptStates()
            #expect(open == ["settled"])
            let rows = try await log.scene.rows("id, sfid, _hc_lastop")
            #expect(rows == [["1", Self.a, "PENDING"], ["2", Self.b, "INSERTED"]])
        }
    }

    @Test func `a record that arrived before the answer becomes the application's row`() async throws {
        try await withLog { log in
            try await log.user.script(
                "insert into account (name, phone) values ('A', '1'); update account set phone = '2'")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin([entries[0]], .insert)
            try await log.change(
                "insert into account (sfid, name, phone, site) values ('\(Self.a)', 'A', '1', 'by a flow')")
            try await log.user.execute("update account set fax = '3' where sfid is not null")
            _ = try await log.record(
                [(entries[0], .written(sfid: Self.a, leftOut: []))], of: attempt, .insert)
            let rows = try await log.scene.rows("id, sfid, name, phone, site, fax, _hc_lastop")
            #expect(rows == [["1", Self.a, "A", "2", "by a flow", "3", "PENDING"]])
            let found = try await log.entries("state, record_id, sfid")
            #expect(found == [["SUCCESS", "1", Self.a], ["NEW", "1", Self.a], ["NEW", "1", Self.a]])
        }
    }

    @Test func `a row that cannot be merged is marked`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            try await log.change("insert into account (sfid, name) values ('\(Self.a)', 'A')")
            try await log.user.script(
                """
                create table note (account integer references account (id));
                insert into note select id from account where sfid is not null;
                """)
            let recorded = try await log.record(
                [(entries[0], .written(sfid: Self.a, leftOut: []))], of: attempt, .insert)
            #expect(recorded == LogStore.Recorded())
            let rows = try await log.scene.rows("id, sfid, _hc_lastop, _hc_err::json ->> 'code'")
            #expect(rows == [["2", Self.a, "SYNCED", nil], ["1", nil, "FAILED", "DUPLICATE_ROW"]])
            let found = try await log.entries()
            #expect(found == [["SUCCESS", Self.a]])
        }
    }

    @Test(arguments: [true, false])
    func `a row that has the record already is not deleted if it is older or the application's`(
        isOlder: Bool
    ) async throws {
        try await withLog { log in
            if isOlder {
                try await log.change("insert into account (sfid, name) values ('\(Self.a)', 'org')")
            }
            try await log.user.script("insert into account (name) values ('A')")
            let entry = try #require(try await log.open().first)
            if !isOlder {
                try await log.user.script("insert into account (name) values ('other')")
                try await log.change("update account set sfid = '\(Self.a)' where name = 'other'")
            }
            let (attempt, _) = try await log.begin([entry], .upsert)
            _ = try await log.record([(entry, .written(sfid: Self.a, leftOut: []))], of: attempt, .upsert)
            let rows = try await log.scene.rows("name, sfid, _hc_err::json ->> 'code'")
            #expect(rows.contains(["A", nil, "DUPLICATE_ROW"]))
            #expect(rows.contains([isOlder ? "org" : "other", Self.a, nil]))
        }
    }

    @Test func `values that Salesforce did not take are read again`() async throws {
        try await withLog { log in
            try await log.change(
                "insert into account (sfid, name) values ('\(Self.a)', 'A'), ('\(Self.b)', 'B')")
            try await log.user.script(
                """
                update account set isdeleted = true where name = 'A';
                update account set name = 'bad' where name = 'B';
                update account set phone = '1' where name = 'bad';
                """)
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .update)
            _ = try await log.record(
                [
                    (entries[0], .written(sfid: Self.a, leftOut: ["IsDeleted"])),
                    (entries[1], .failed(WriteProblem("X", "y"))),
                ], of: attempt, .update)
            #expect(try await log.scene.rereads() == [Self.a: "not_taken"])
            let (next, _) = try await log.begin([entries[2]], .update)
            _ = try await log.record([(entries[2], .written(sfid: Self.b, leftOut: []))], of: next, .update)
            #expect(try await log.scene.rereads() == [Self.a: "not_taken", Self.b: "not_taken"])
        }
    }

    @Test func `a new row that a user's trigger refuses keeps its attempt open with its record`() async throws
    {
        try await withLog { log in
            try await log.user.script(
                """
                insert into account (name) values ('A'), ('B');
                create function refuse() returns trigger language plpgsql as
                  'begin if new.name = ''A'' then raise exception ''no''; end if; return new; end';
                create trigger refuse before update on account for each row execute function refuse();
                """)
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            let ends = zip(entries, [Self.a, Self.b]).map { ($0, WriteEnd.written(sfid: $1, leftOut: [])) }
            let recorded = try await log.record(ends, of: attempt, .insert)
            #expect(recorded.unlinked == [entries[0].id: "no"])
            let rows = try await log.scene.rows("id, sfid")
            #expect(rows == [["2", Self.b], ["1", nil]])
            #expect(try await log.entries() == [["PENDING", Self.a], ["SUCCESS", Self.b]])
            #expect(try await log.attemptStates() == ["sent"])
            let known = try await log.scene.pool.withConnection {
                try await log.log.unlinked(entries.map(\.id), on: $0)
            }
            #expect(known == [entries[0].id: Self.a])
            func hasUnlinked() async throws -> Bool {
                try await log.scene.pool.withConnection { try await log.log.hasUnlinked(on: $0) }
            }
            #expect(try await hasUnlinked())
            // A deletion of the row waits for its record.
            try await log.user.script("drop trigger refuse on account; delete from account where name = 'A'")
            #expect(try await log.record([ends[0]], of: attempt, .insert) == LogStore.Recorded())
            #expect(try await !hasUnlinked())
            #expect(
                try await log.entries() == [["SUCCESS", Self.a], ["SUCCESS", Self.b], ["NEW", Self.a]])
            #expect(try await log.attemptStates() == ["settled"])
        }
    }

    @Test func `an update whose row a user's trigger refuses is recorded`() async throws {
        try await withLog { log in
            try await log.change("insert into account (name, sfid) values ('A', '\(Self.a)')")
            try await log.user.script("update account set phone = '1'")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .update)
            try await log.user.script(
                """
                create function refuse() returns trigger language plpgsql as
                  'begin raise exception ''no''; end';
                create trigger refuse before update on account for each row execute function refuse();
                """)
            let recorded = try await log.record(
                [(entries[0], .written(sfid: Self.a, leftOut: []))], of: attempt, .update)
            #expect(recorded.refused == [entries[0].id])
            #expect(try await log.entries() == [["SUCCESS", Self.a]])
            #expect(try await log.attemptStates() == ["settled"])
        }
    }

    @Test func `a user's trigger runs once for each answer`() async throws {
        try await withLog { log in
            try await log.user.script(
                """
                insert into account (name) values ('A'), ('B');
                update account set phone = '1' where name = 'A';
                create table public.bumps (id integer);
                create function bump() returns trigger language plpgsql as
                  'begin insert into public.bumps values (new.id); return new; end';
                create trigger bump before update on account for each row execute function bump();
                """)
            let entries = try await log.open()
            try await log.write(Array(entries.prefix(2)), .insert, sfids: [Self.a, Self.b])
            let bumps: [Int] = try await log.user.query("select id from public.bumps order by id").column()
            #expect(bumps == [1, 2])
        }
    }
}
