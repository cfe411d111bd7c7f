import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// The effects of users' and the engine's statements on a tenant's tables and logs.
@Suite(.tags(.store))
struct TriggerTests {
    /// A user's session in a provisioned schema.
    private func withUser(
        _ body: @concurrent @Sendable (PostgresConnection, TenantFixture) async throws -> Void
    ) async throws {
        try await withTenantDatabase { fixture in
            try await fixture.provision()
            let connection = try await fixture.connect()
            defer { connection.close() }
            // As bare as a session can be: functions must find hstore and get_xmlbinary by themselves.
            try await connection.script("set search_path to \(fixture.schema)")
            try await body(connection, fixture)
        }
    }

    private struct Entry: Equatable {
        var state: String?
        var action: String?
        var table: String?
        var recordID: Int?
        var sfid: String?
        var old: String?
        var values: String?
    }

    private func log(_ connection: PostgresConnection) async throws -> [Entry] {
        try await connection.query("select * from _trigger_log order by id").map { row in
            Entry(
                state: try row["state"], action: try row["action"], table: try row["table_name"],
                recordID: try row["record_id"], sfid: try row["sfid"], old: try row["old"],
                values: try row["values"])
        }
    }

    private func lastOperation(_ connection: PostgresConnection, _ table: String) async throws -> String? {
        try await connection.query("select _hc_lastop from \(identifier: table)").first?["_hc_lastop"]
    }

    @Test func `a user's insert is logged as new and the row is pending`() async throws {
        try await withUser { user, _ in
            try await user.execute("insert into account (name, numberofemployees) values ('A \"b\"', 7)")
            let entry = try #require(try await log(user).first)
            #expect(entry.state == "NEW")
            #expect(entry.action == "INSERT")
            #expect(entry.table == "account")
            #expect(entry.recordID == 1)
            #expect(entry.sfid == nil)
            #expect(entry.old == nil)
            #expect(entry.values?.contains(#""name"=>"A \"b\"""#) == true)
            #expect(entry.values?.contains(#""numberofemployees"=>"7""#) == true)
            #expect(entry.values?.contains("_hc_") == false)
            let operation = try await lastOperation(user, "account")
            #expect(operation == "PENDING")
        }
    }

    @Test func `an update logs the columns that changed`() async throws {
        try await withUser { user, _ in
            try await user.execute(
                "insert into account (sfid, name, phone) values ('001000000000001AAA', 'A', '1')")
            try await user.execute("update account set name = 'B', phone = phone, fax = null")
            let entry = try #require(try await log(user).last)
            #expect(entry.state == "NEW")
            #expect(entry.action == "UPDATE")
            #expect(entry.sfid == "001000000000001AAA")
            #expect(entry.values == #""name"=>"B""#)
            #expect(entry.old?.contains(#""name"=>"A""#) == true)
            #expect(entry.old?.contains(#""phone"=>"1""#) == true)
        }
    }

    @Test func `an update that changes nothing is ignored`() async throws {
        try await withUser { user, _ in
            try await user.execute("insert into account (name) values ('A')")
            try await user.execute("update account set name = 'A'")
            let entry = try #require(try await log(user).last)
            #expect(entry.state == "IGNORE")
            #expect(entry.values == "")
            try await user.script(
                """
                set xmlbinary = hex; update account set sfid = '001000000000001AAA'; set xmlbinary = base64;
                update account set name = 'A'
                """)
            let status: String? = try await user.query("select _hc_lastop from account").first?[0]
            #expect(status == "SYNCED", "nothing is sent, so that nothing would end PENDING")
        }
    }

    @Test func `deleting a row that Salesforce never had is ignored`() async throws {
        try await withUser { user, _ in
            try await user.execute(
                "insert into account (sfid, name) values ('001000000000001AAA', 'A'), (null, 'B')")
            try await user.execute("delete from account")
            let entries = try await log(user).filter { $0.action == "DELETE" }
            #expect(entries.map(\.state) == ["NEW", "IGNORE"])
            #expect(entries.map(\.sfid) == ["001000000000001AAA", nil])
            #expect(entries[0].values == nil)
            #expect(entries[0].old?.contains(#""name"=>"A""#) == true)
        }
    }

    @Test func `all changes of a read-only table are logged as READONLY`() async throws {
        try await withUser { user, _ in
            try await user.execute("insert into contact (lastname) values ('A')")
            try await user.execute("update contact set lastname = 'A'")
            try await user.execute("delete from contact")
            let states = try await log(user).map(\.state)
            #expect(states == ["READONLY", "READONLY", "READONLY"])
        }
    }

    @Test func `the engine's session logs nothing and marks rows as synced`() async throws {
        try await withUser { user, fixture in
            let engine = try await fixture.connect()
            defer { engine.close() }
            try await engine.script("set xmlbinary = 'hex'; set search_path to ''")
            let account: SQL = "\(identifier: fixture.schema, "account")"
            try await engine.execute("insert into \(account) (sfid, name) values ('001000000000001AAA', 'A')")
            var operation = try await lastOperation(user, "account")
            #expect(operation == "SYNCED")
            try await user.execute("update account set name = 'B'")
            try await engine.execute("update \(account) set name = 'C', _hc_err = 'x'")
            operation = try await lastOperation(user, "account")
            #expect(operation == "SYNCED")
            try await engine.execute("update \(account) set _hc_lastop = 'FAILED', _hc_err = '{}'")
            operation = try await lastOperation(user, "account")
            #expect(operation == "FAILED")
            try await engine.execute("delete from \(account)")
            let actions = try await log(user).map(\.action)
            #expect(actions == ["UPDATE"])
        }
    }

    @Test func `a user's own trigger can distinguish the engine's writes`() async throws {
        try await withUser { user, _ in
            try await user.script(
                """
                create table seen (name text);
                create function note() returns trigger language plpgsql as
                  'begin insert into seen values (new.name); return null; end';
                create trigger note after insert on account for each row
                  when (public.get_xmlbinary()::text <> 'base64') execute function note();
                insert into account (name) values ('user');
                set xmlbinary = 'hex';
                insert into account (name) values ('engine');
                """)
            let seen: [String] = try await user.query("select name from seen").column()
            #expect(seen == ["engine"])
        }
    }

    @Test func `each log row wakes the listeners of the schema's channel`() async throws {
        try await withUser { user, fixture in
            let listener = try await fixture.connect()
            defer { listener.close() }
            try await listener.listen("\(fixture.schema).hc_trigger_log")
            try await user.execute("insert into account (name) values ('A')")
            let notification = try await listener.nextNotification(deadline: .now + .seconds(10))
            #expect(notification?.payload == "ping")
        }
    }

    @Test func `a row can be captured again as an insert`() async throws {
        try await withUser { user, _ in
            try await user.script("set search_path to \"$user\", heroku_ext, public")
            let schema = TenantFixture.tenant().schema
            try await user.execute(
                "insert into \(identifier: schema, "account") (name, phone) values ('A', '1')")
            let id: Int? = try await user.query(
                """
                select \(identifier: schema, "hc_capture_insert_from_row")(hstore(a.*), 'account', array['phone', 'id'])
                from \(identifier: schema, "account") a
                """
            ).first?[0]
            #expect(id == 2)
            try await user.script("set search_path to \(schema)")
            let entry = try #require(try await log(user).last)
            #expect(entry.state == "NEW")
            #expect(entry.action == "INSERT")
            #expect(entry.recordID == 1)
            #expect(entry.values?.contains(#""name"=>"A""#) == true)
            #expect(entry.values?.contains(#""id"=>"1""#) == true)
            #expect(entry.values?.contains("phone") == false)
            #expect(entry.values?.contains("_hc_") == false)
        }
    }

    @Test func `some columns of a row can be captured again as an update`() async throws {
        try await withUser { user, _ in
            try await user.script("set search_path to \(TenantFixture.tenant().schema), heroku_ext")
            try await user.execute(
                "insert into account (sfid, name, phone) values ('001000000000001AAA', 'A', '1')")
            let ids: [Int?] = try await user.query(
                """
                select hc_capture_update_from_row(hstore(account.*), 'account', array['phone']) from account
                union all select hc_capture_update_from_row(hstore(account.*), 'account') from account
                union all select hc_capture_update_from_row('a=>1', 'account')
                """
            ).map { try $0[0] }
            #expect(ids == [2, 3, nil])
            let entries = try await log(user)
            #expect(entries[1].values == #""phone"=>"1""#)
            #expect(entries[1].sfid == "001000000000001AAA")
            #expect(entries[1].old == nil)
            #expect(entries[1].action == "UPDATE")
            #expect(entries[2].values?.contains(#""name"=>"A""#) == true)
        }
    }
}
