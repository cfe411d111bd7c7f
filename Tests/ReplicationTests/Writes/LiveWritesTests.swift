import Activity
import Encoding
import Foundation
import OrgSimulator
import Organizations
import Postgres
import Reactor
import Support
import TenantSchema
import Testing

@testable import Replication

/// Users' changes reach a simulated org.
@Suite(.tags(.store), .serialized)
struct LiveWritesTests {
    @Test func `an insert, an update and a deletion reach the org, and their results are stored`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.writing {
                let id: Int = try await scene.app(
                    "insert into T.account (name, phone) values ('Zebra', '1') returning id"
                ).scalar()
                try await scene.waitWritten()
                let row = try #require(
                    try await scene.app("select sfid, _hc_lastop, _hc_err from T.account where id = \(id)")
                        .first)
                let sfid: String? = try row["sfid"]
                #expect(sfid?.hasPrefix("001") == true)
                #expect(try row["_hc_lastop"] == "INSERTED")
                #expect(try row["_hc_err", as: String?.self] == nil)
                try await scene.app("update T.account set phone = null where id = \(id)")
                try await scene.waitWritten()
                try await scene.app("delete from T.account where id = \(id)")
                try await scene.waitWritten()
                let written = try await scene.written()
                #expect(written.compactMap { $0["kind"]?.string } == ["create", "update", "delete"])
                #expect(Set(written.compactMap { $0["id"]?.string }) == [sfid ?? ""])
                let states: [String] = try await scene.app(
                    "select distinct state from T._trigger_log union select state from T._trigger_log_archive"
                ).column()
                #expect(Set(states) == ["SUCCESS"])
            }
        }
    }

    @Test func `a tenant without notifications is polled all the time`() async throws {
        try await withOrg { scene in
            try await scene.startWrites("write_notify=false")
            let store = LogNotifyStore(Tenant(try await scene.organization()))
            try await scene.writing(idlePoll: .seconds(3_600)) {
                try await eventually("notifications are off") {
                    try await !scene.cell.withConnection { try await store.isOn(on: $0) }
                }
                // Longer than the first look.
                try await Task.sleep(for: .milliseconds(300))
                try await scene.app("insert into T.account (name) values ('Zebra')")
                try await scene.waitWritten()
            }
        }
    }

    @Test func `a refused change fails with its reason and is sent again after its state is NEW`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.orgSettings(
                #"{"validation":[{"object":"Account","field":"Name","text":"bad","message":"No bad names"}]}"#
            )
            try await scene.writing {
                try await scene.app("insert into T.account (name) values ('bad one'), ('good one')")
                try await scene.waitWritten()
                let row = try #require(
                    try await scene.app(
                        "select id, sfid, _hc_lastop, _hc_err from T.account where name = 'bad one'"
                    ).first)
                #expect(try row["_hc_lastop"] == "FAILED")
                let error: String = try row["_hc_err"]
                #expect(error.contains("FIELD_CUSTOM_VALIDATION_EXCEPTION") && error.contains("No bad names"))
                let isGood: Bool = try await scene.app(
                    "select sfid is not null from T.account where name = 'good one'"
                ).scalar()
                #expect(isGood, "another row is not held up")
                try await eventually("operators are notified") {
                    try await scene.notifications().contains { $0.eventType == "writes_failed" }
                }
                try await scene.orgSettings(#"{"validation":[]}"#)
                try await scene.app("update T._trigger_log set state = 'NEW' where state = 'FAILED'")
                try await eventually("it is written") {
                    try await scene.app(
                        "select sfid is not null from T.account where name = 'bad one'"
                    ).scalar()
                }
            }
            #expect(try await scene.written().count { $0["kind"]?.string == "create" } == 2)
        }
    }

    @Test(arguments: ["lost_response", "late_commit"])
    func `an insert whose answer is lost makes one record`(_ fault: String) async throws {
        try await withOrg { scene in
            try await scene.startWrites(quarantine: 3)
            try await scene.fault(
                ["kind": fault, "path": "/composite/sobjects", "count": 1, "milliseconds": 1_000])
            try await scene.writing(reads: true) {
                try await scene.app(
                    "insert into T.account (name, phone) values ('Once', '7'), ('Twice', '8')")
                try await scene.waitWritten(.seconds(40))
                try await eventually("the rows are synced") {
                    try await scene.app(
                        """
                        select count(*) = 2 and bool_and(sfid is not null) from T.account
                        where name in ('Once', 'Twice')
                        """
                    ).scalar()
                }
            }
            let created = try await scene.written().filter { $0["kind"]?.string == "create" }
            #expect(created.count == 2, "no record was made twice")
        }
    }

    @Test(arguments: [2, 2_500])
    func `changes whose request gets no token are not in doubt`(_ rows: Int) async throws {
        try await withOrg { scene in
            try await scene.startWrites(quarantine: 600)
            try await scene.writing {
                // The session describes the object and has a token.
                try await scene.app(
                    "insert into T.account (name) select 'N' || n from generate_series(1, 2500) n")
                try await scene.waitWritten()
                try await scene.fault(["kind": "expire_access_tokens"])
                try await scene.fault(["kind": "revoke_refresh_tokens"])
                try await scene.app(
                    "update T.account set phone = '7' where id in (select id from T.account limit \(rows))")
                try await eventually("the grant has ended") {
                    try await scene.control.query(
                        "select status = 'unauthorized' from multiconnect.organizations"
                    ).scalar()
                }
                try await eventually("the changes wait") {
                    try await scene.app(
                        """
                        select count(*) = \(rows) and not exists (
                            select from multiconnect_sync.write_attempts where state <> 'settled')
                        from T._trigger_log where state = 'NEW'
                        """
                    ).scalar()
                }
            }
        }
    }

    @Test func `a look-up that can never succeed leaves the change in doubt, and says why`() async throws {
        try await withOrg { scene in
            try await scene.startWrites(quarantine: 1)
            try await scene.fault(["kind": "lost_response", "path": "/composite/sobjects", "count": 1])
            try await scene.fault([
                "kind": "fail", "path": "/query", "count": 999, "status": 414, "code": "URI_TOO_LONG",
            ])
            try await scene.writing {
                try await scene.app("insert into T.account (name) values ('Unknown')")
                try await eventually(within: .seconds(30), "the row says what to do") {
                    let error: String? = try await scene.app(
                        "select _hc_err from T.account where name = 'Unknown'"
                    ).first?[0]
                    return error?.contains(InDoubtStore.code) == true
                }
                let notification = try #require(
                    try await scene.notifications().first { $0.eventType == InDoubtStore.event })
                #expect(notification.message.contains("414"))
            }
        }
    }

    @Test func `inserts exist exactly once after stops at any moment`() async throws {
        try await withOrg { scene in
            try await scene.startWrites(quarantine: 2)
            for round in 1...5 {
                try await scene.writing(epoch: round, reads: true) {
                    for part in 0..<6 {
                        let name = "r\(round)-\(part)"
                        try await scene.app("insert into T.account (name) values ('\(name)')")
                        try await scene.app("update T.account set phone = '\(part)' where name = '\(name)'")
                        try await EventLoop.current.sleep(for: .milliseconds(Int.random(in: 0...60)))
                    }
                }
            }
            try await scene.writing(epoch: 9, reads: true) { try await scene.waitWritten(.seconds(40)) }
            let created = try await scene.written().filter { $0["kind"]?.string == "create" }
            #expect(created.count == 30)
            let rows = try await scene.app(
                "select count(*) as n, count(sfid) as s, count(distinct sfid) as d from T.account where name like 'r%-%'"
            )
            #expect(try rows[0]["n", as: Int.self] == 30)
            #expect(try rows[0]["s", as: Int.self] == 30)
            #expect(try rows[0]["d", as: Int.self] == 30)
        }
    }

    @Test func `many updates go through a Bulk job`() async throws {
        try await withOrg { scene in
            try await scene.startWrites(quarantine: 2, "bulk_write_threshold=200")
            try await scene.app(
                "insert into T.account (name) select 'Bulk ' || n from generate_series(1, 400) n")
            try await scene.writing {
                try await scene.waitWritten()
                try await scene.app("update T.account set phone = '5' where name like 'Bulk %'")
                try await scene.app("update T.account set website = '#N/A' where name = 'Bulk 7'")
                try await scene.waitWritten(.seconds(40))
            }
            let calls = try await scene.calls()
            #expect(calls[.ingestCreate] == 1)
            let updated = try await scene.written().filter { $0["kind"]?.string == "update" }
            #expect(updated.count == 401)
        }
    }

    /// The first insert is in flight, waits, or is read together with the others.
    @Test(arguments: [0, 30, 300])
    func `a row that is deleted before its insert is answered gives its external id to the next row`(
        _ delay: Int
    ) async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.orgSettings(#"{"writeDelay":150}"#)
            try await scene.writing(reads: true) {
                try await scene.app(
                    "insert into T.tweet__c (external_id__c, text__c) values ('TS1', 'first')")
                try await EventLoop.current.sleep(for: .milliseconds(delay))
                try await scene.app("delete from T.tweet__c where external_id__c = 'TS1'")
                try await scene.app(
                    "insert into T.tweet__c (external_id__c, text__c) values ('TS1', 'second')")
                try await scene.waitWritten()
                do {
                    try await eventually("the second row has a record") {
                        try await scene.app(
                            """
                            select count(*) = 1 and bool_and(sfid is not null and text__c = 'second')
                            from T.tweet__c where external_id__c = 'TS1'
                            """
                        ).scalar()
                    }
                } catch {
                    Issue.record("\(error): \(try await scene.story("tweet__c"))")
                }
            }
            let kinds = try await scene.written("Tweet__c").compactMap { $0["kind"]?.string }
            #expect([["create"], ["create", "delete", "create"]].contains(kinds))
        }
    }

    @Test func `a new row that a user's trigger refuses is linked when the trigger is corrected`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.app(
                """
                create function T.refuse() returns trigger language plpgsql as
                $$ begin if new.name like 'Refused%' then raise exception 'no'; end if; return new; end $$
                """)
            try await scene.app(
                "create trigger refuse before update on T.account for each row execute function T.refuse()")
            try await scene.writing(reads: true, archive: .seconds(1)) {
                try await scene.app(
                    "insert into T.account (name) values ('Refused 1'), ('Refused 2'), ('Taken')")
                try await eventually("operators are notified") {
                    try await scene.notifications().contains { $0.eventType == "writes_not_stored" }
                }
                try await scene.app("delete from T.account where name = 'Refused 2'")
                try await scene.app("drop trigger refuse on T.account")
                try await scene.app("update T.account set phone = '777' where name = 'Refused 1'")
                try await eventually(within: .seconds(30), "the row has its record") {
                    try await scene.app(
                        "select sfid is not null from T.account where name = 'Refused 1'"
                    ).scalar()
                }
                try await scene.waitWritten()
                try await eventually("nothing is left to correct") {
                    try await !scene.notifications().contains { $0.eventType == "writes_not_stored" }
                }
            }
            let kinds = try await scene.written().compactMap { $0["kind"]?.string }
            #expect(kinds.sorted() == ["create", "create", "create", "delete", "update"])
            let names: [String] = try await scene.app(
                "select name from T.account where name like 'Refused%' or name = 'Taken' order by name"
            ).column()
            #expect(names == ["Refused 1", "Taken"])
        }
    }

    @Test func `a child waits for the insert of its parent, whose mapping is paused`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            var account = try await scene.mapping("Account").configuration
            account.fields.append("External_ID__c")
            account.upsertField = "External_ID__c"
            var contact = try await scene.mapping("Contact").configuration
            contact.access = .readWrite
            contact.fields.append("Account__External_ID__c")
            _ = try await scene.importMappings(
                MappingFile(mappings: [
                    .init(objectName: "Account", configuration: account),
                    .init(objectName: "Contact", configuration: contact),
                ]))
            let pause = "update multiconnect.mappings set paused_at = "
            try await scene.control.execute(SQL(raw: "\(pause) now() where object_name = 'Account'"))
            try await scene.writing {
                try await scene.app("insert into T.account (name, external_id__c) values ('Parent', 'P1')")
                try await scene.app(
                    "insert into T.contact (lastname, account__external_id__c) values ('Child', 'P1'), ('Free', null)"
                )
                try await eventually("another row is not held up") {
                    try await scene.app("select sfid is not null from T.contact where lastname = 'Free'")
                        .scalar()
                }
                let states: [String] = try await scene.app(
                    "select state from T._trigger_log where state <> 'SUCCESS' order by id"
                ).column()
                #expect(states == ["NEW", "NEW"])
            }
            try await scene.control.execute(SQL(raw: "\(pause) null where object_name = 'Account'"))
            try await scene.writing(epoch: 2) { try await scene.waitWritten() }
            let failed: Int = try await scene.app(
                "select count(*) from T._trigger_log where state = 'FAILED'"
            ).scalar()
            #expect(failed == 0)
            let hasRecord: Bool = try await scene.app(
                "select sfid is not null from T.contact where lastname = 'Child'"
            ).scalar()
            #expect(hasRecord)
        }
    }

    @Test func `a dropped table does not stop the changes of the others`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.app("drop table T.tweet__c cascade")
            try await scene.writing {
                try await scene.app("insert into T.account (name) values ('Zebra')")
                try await scene.waitWritten()
            }
            #expect(try await scene.written().count == 1)
        }
    }

    @Test func `a change of a column that is not synced fails, and its other columns are sent`() async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.cell.execute(
                "update multiconnect_sync.synced_tables set paused_columns = '{\"industry\":\"hidden\"}'")
            try await scene.writing {
                let ids: [Int] = try await scene.app("select id from T.account order by id limit 2").column()
                try await scene.app("update T.account set industry = 'X' where id = \(ids[0])")
                try await scene.app("update T.account set industry = 'X', phone = '7' where id = \(ids[1])")
                try await scene.waitWritten()
            }
            let entries = try await scene.app("select state, sf_message from T._trigger_log order by id")
            let states = try entries.map { try $0["state", as: String.self] }
            let messages = try entries.map { try $0["sf_message", as: String.self] }
            #expect(states == ["FAILED", "SUCCESS"])
            #expect(messages.first?.contains("industry (hidden)") == true)
            #expect(messages.last?.contains("Industry") == true)
            #expect(try await scene.written().count == 1)
        }
    }

    @Test func `a correction that creates the record ends the failed insert`() async throws {
        try await withOrg { scene in
            try await scene.startWrites("poll_db_no_merge=false")
            try await scene.orgSettings(
                #"{"validation":[{"object":"Account","field":"Name","text":"bad","message":"No bad names"}]}"#
            )
            try await scene.writing {
                try await scene.app("insert into T.account (name) values ('bad one')")
                try await eventually("refused") {
                    try await scene.app(
                        "select exists (select from T._trigger_log where state = 'FAILED')"
                    ).scalar()
                }
                try await scene.app("update T.account set name = 'good one' where name = 'bad one'")
                try await scene.waitWritten()
            }
            let states: [String] = try await scene.app("select state from T._trigger_log order by id")
                .column()
            #expect(states == ["MERGED", "SUCCESS"])
        }
    }

    @Test func `rows that are inserted and updated in one transaction get the org's values`() async throws {
        try await withOrg { scene in
            try await scene.startWrites("poll_db_no_merge=false")
            try await scene.writing(reads: true) {
                for number in 1...10 {
                    try await scene.write(
                        """
                        insert into account (name) values ('Merged \(number)');
                        update account set phone = '7' where name = 'Merged \(number)'
                        """)
                }
                try await scene.waitWritten()
                try await eventually("all rows are synced") {
                    try await scene.app(
                        """
                        select count(*) = 10 and bool_and(createddate is not null and phone = '7') from T.account
                        where name like 'Merged %' and _hc_lastop = 'SYNCED'
                        """
                    ).scalar()
                }
            }
        }
    }

    @Test func `a change of a column that was mapped a moment ago is sent`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            let mapping = try await scene.mapping("Account")
            try await scene.writing {
                // The session has a layout now.
                try await scene.app("insert into T.account (name) values ('Mapped')")
                try await scene.waitWritten()
                var configuration = mapping.configuration
                configuration.fields.append("Budget__c")
                let file = MappingFile(
                    mappings: [.init(objectName: "Account", configuration: configuration)])
                _ = try await scene.importMappings(file)
                // No lease loop runs here that hears of the change.
                try await scene.app("update T.account set budget__c = 99 where name = 'Mapped'")
                try await scene.waitWritten()
            }
            let updates = try await scene.written().filter { $0["kind"]?.string == "update" }
            #expect(updates.count == 1)
        }
    }

    @Test func `sessions that follow each other describe an object once`() async throws {
        try await withOrg { scene in
            try await scene.startWrites()
            let before = try await scene.calls()[.describe, default: 0]
            try await scene.writing(linger: .milliseconds(50)) {
                for name in ["first", "second", "third"] {
                    try await scene.app("insert into T.account (name) values ('\(name)')")
                    try await scene.waitWritten()
                    // The session ends.
                    try await EventLoop.current.sleep(for: .milliseconds(500))
                }
            }
            #expect(try await scene.calls()[.describe, default: 0] == before + 1)
        }
    }
}
