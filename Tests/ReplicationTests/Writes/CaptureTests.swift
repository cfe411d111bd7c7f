import Foundation
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// How users' statements get into the log, whatever their session looks like.
@Suite(.tags(.store))
struct CaptureTests {
    private func values(_ log: LogScene) async throws -> [LogEntry] { try await log.open() }

    @Test func `texts do not depend on the session's date style and digits`() async throws {
        try await withLog { log in
            try await log.user.script(
                """
                set datestyle = 'German'; set extra_float_digits = -3; set intervalstyle = 'sql_standard';
                insert into account (name, createddate, billinglatitude)
                  values ('A', '31.12.2024 13:14:15', 0.1::float8 + 0.2::float8);
                begin; update account set createddate = '01.02.2025 00:00:00';
                """)
            let style: String = try await log.user.query("show datestyle").scalar()
            #expect(style == "German, DMY")
            try await log.user.script("commit")
            let entries = try await log.open()
            #expect(entries[0].values["createddate"] == .some("2024-12-31 13:14:15"))
            #expect(entries[0].values["billinglatitude"] == .some("0.30000000000000004"))
            #expect(entries[1].values == ["createddate": "2025-02-01 00:00:00"])
            let after: String = try await log.user.query("show extra_float_digits").scalar()
            #expect(after == "-3")
        }
    }

    @Test func `each kind of statement is captured in its own transaction`() async throws {
        try await withLog { log in
            let user = log.user
            let names = try await user.query("insert into account (name) values ('A') returning id, name")
            #expect(names.count == 1)
            try await user.script("begin; insert into account (name) values ('gone'); rollback")
            try await user.execute(
                "insert into account (id, name) values (1, 'B') on conflict (id) do update set name = 'C'"
            )
            try await user.execute("insert into account (id, name) values (1, 'C') on conflict do nothing")
            let copy = try await user.copyIn("copy account (name) from stdin")
            try await copy.write(Array("D\nE\n".utf8))
            _ = try await copy.finish()
            try await user.execute(
                "with d as (delete from account where name = 'E' returning *) select from d")
            let found = try await log.entries("state, action, \"values\" like '%\"name\"%'")
            #expect(
                found == [
                    ["NEW", "INSERT", "t"], ["NEW", "UPDATE", "t"], ["NEW", "INSERT", "t"],
                    ["NEW", "INSERT", "t"], ["IGNORE", "DELETE", nil],
                ])
        }
    }

    @Test func `truncation and the engine's writes are not captured`() async throws {
        try await withLog { log in
            try await log.change("insert into account (sfid, name) values ('\(MergeScene.sfid(1))', 'A')")
            try await log.user.script(
                """
                truncate account;
                begin; set local xmlbinary = 'hex'; insert into account (name) values ('B'); commit;
                """)
            let found = try await log.entries()
            #expect(found == [])
            try await log.user.execute("insert into account (name) values ('C')")
            let states = try await log.entries("state")
            #expect(states == [["NEW"]])
        }
    }

    @Test func `capture works without public and hstore in the search path`() async throws {
        try await withLog { log in
            let schema = log.scene.fixture.schema
            try await log.user.script("set search_path to ''")
            try await log.user.execute("insert into \(identifier: schema, "account") (name) values ('A')")
            try await log.user.execute("update \(identifier: schema, "account") set name = 'B'")
            let actions = try await log.open().map(\.action)
            #expect(actions == [.insert, .update])
        }
    }

    /// The channels of the notifications of one transaction, sorted.
    private func channels(
        _ log: LogScene, _ listener: PostgresConnection, _ script: String
    ) async throws -> [String] {
        try await log.user.script(script)
        try await listener.notify("end")
        var channels: [String] = []
        while let next = try await listener.nextNotification(deadline: .now + .seconds(20)) {
            guard next.channel != "end" else { break }
            channels.append(next.channel)
        }
        return channels.sorted()
    }

    @Test func `a transaction notifies once on each channel, and not while the log is drained`() async throws
    {
        try await withLog { log in
            let schema = log.scene.fixture.schema
            let listener = try await log.scene.fixture.connect()
            defer { listener.close() }
            for channel in [TenantDDL.writesChannel, "\(schema).hc_trigger_log", "end"] {
                try await listener.listen(channel)
            }
            let insert =
                "begin; insert into account (name) select 'A' from generate_series(1, 50); "
                + "insert into account (name) values ('B'); commit"
            let both = ["multiconnect_writes", "\(schema).hc_trigger_log"]
            var found = try await channels(log, listener, insert)
            #expect(found == both)
            found = try await channels(
                log, listener,
                "begin; savepoint a; insert into account (name) values ('A'); "
                    + "rollback to a; insert into account (name) values ('A'); commit")
            #expect(found == both)

            let flag = DrainFlagStore(schema: schema)
            try await log.scene.pool.transaction { try await flag.set(on: $0) }
            found = try await channels(log, listener, insert)
            #expect(found == [])
            try await log.user.script("begin; insert into account (name) values ('late')")
            try await log.scene.pool.transaction { try await flag.clear(on: $0) }
            let horizon = try await log.scene.pool.withConnection { try await flag.horizon(on: $0) }
            var hasPassed = try await log.scene.pool.withConnection {
                try await flag.hasPassed(horizon, on: $0)
            }
            #expect(!hasPassed)
            try await log.user.script("commit")
            hasPassed = try await log.scene.pool.withConnection { try await flag.hasPassed(horizon, on: $0) }
            #expect(hasPassed)
            found = try await channels(log, listener, insert)
            #expect(found == both)
        }
    }

    @Test func `notifications can be turned off for a tenant`() async throws {
        try await withLog { log in
            let listener = try await log.scene.fixture.connect()
            defer { listener.close() }
            for channel in [TenantDDL.writesChannel, "end"] { try await listener.listen(channel) }
            let store = LogNotifyStore(log.scene.fixture.tenant)
            for isOn in [false, true] {
                #expect(try await log.scene.pool.withConnection { try await store.isOn(on: $0) } != isOn)
                try await log.scene.pool.transaction { try await store.set(isOn, on: $0) }
                let found = try await channels(log, listener, "insert into account (name) values ('A')")
                #expect(found == (isOn ? ["multiconnect_writes"] : []))
            }
        }
    }

    @Test func `a tenant of the first layout is upgraded once`() async throws {
        try await withLog { log in
            let schema = log.scene.fixture.schema
            try await log.change(
                """
                update _hcmeta set hcver = 1; drop index _trigger_log_idx_record_id;
                create or replace function hc_account_logger() returns trigger language plpgsql as
                  'begin return null; end';
                """)
            let upgrade = TenantUpgrade(log.scene.fixture.tenant, log.scene.pool)
            let plans = [log.scene.account.plan, log.scene.contact.plan]
            let first = try await upgrade.run(plans)
            let second = try await upgrade.run(plans)
            #expect(first)
            #expect(!second)
            let version: Int = try await log.user.query("select hcver from _hcmeta").scalar()
            #expect(version == TenantDDL.layoutVersion)
            let indexes: Int = try await log.user.query(
                """
                select count(*) from pg_indexes
                where schemaname = \(schema) and indexname = '_trigger_log_idx_record_id'
                """
            ).scalar()
            #expect(indexes == 1)
            try await log.user.execute("insert into account (name) values ('A')")
            let states = try await log.entries("state")
            #expect(states == [["NEW"]])
        }
    }
}
