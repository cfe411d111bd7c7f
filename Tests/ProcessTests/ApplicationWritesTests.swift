import Encoding
import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// Writes as an application sees them: SQL, the columns of its rows, and the log.
    @Suite(.tags(.process))
    struct ApplicationWritesTests {
        @Test func `parents and children of two transactions arrive in the org, linked by external id`()
            async throws
        {
            try await withApplication { rig in
                try await rig.transaction(
                    "insert into T.account (name, external_id__c) values ('Parent 1', 'app-1')",
                    "insert into T.contact (lastname, account__external_id__c) values ('Child 1', 'app-1')")
                try await rig.transaction(
                    """
                    insert into T.account (name, external_id__c)
                    values ('Parent 2', 'app-2'), ('Parent 3', 'app-3')
                    """,
                    """
                    insert into T.contact (lastname, account__external_id__c)
                    values ('Child 2a', 'app-2'), ('Child 3', 'app-3'), ('Child 2b', 'app-2')
                    """)
                try await rig.untilSynced("account", "external_id__c like 'app-%'", 3)
                try await rig.untilSynced("contact", "lastname like 'Child %'", 4)
                // The lookup's own column is filled from the org.
                let unlinked: [String] = try await rig.app(
                    """
                    select c.lastname from T.contact c
                    left join T.account a on a.external_id__c = c.account__external_id__c
                    where c.lastname like 'Child %' and c.accountid is distinct from a.sfid
                    """
                ).column()
                #expect(unlinked.isEmpty)
                let accounts = try await rig.records("Account", by: "external_id__c")
                let contacts = try await rig.records("Contact", by: "lastname")
                let parents = [
                    "Child 1": "app-1", "Child 2a": "app-2", "Child 2b": "app-2", "Child 3": "app-3",
                ]
                for (child, parent) in parents {
                    let account = accounts[parent]?["sfid"]?.string
                    #expect(account != nil && contacts[child]?["accountid"]?.string == account, "\(child)")
                }
                #expect(try await rig.written("Account").count == 3)
                #expect(try await rig.written("Contact").count == 4)
                #expect(try await rig.entries("state <> 'SUCCESS'") == 0)
            }
        }

        private struct RowError: Decodable {
            let code: String
            let message: String
            let fields: [String]
        }

        @Test func `a refused row shows the error, and is sent again in three ways`() async throws {
            try await withApplication { rig in
                try await rig.orgSettings(
                    """
                    {"validation": [{"object": "Account", "field": "Name", "text": "bad",
                      "message": "No bad names"}]}
                    """
                )
                try await rig.app(
                    """
                    insert into T.account (name, external_id__c)
                    values ('bad 1', 'err-1'), ('bad 2', 'err-2'), ('bad 3', 'err-3'), ('fine', 'err-4')
                    """)
                try await rig.untilEntry(#""values" like '%bad%'"#, is: "FAILED")
                try await rig.untilSynced("account", "external_id__c = 'err-4'", 1)
                for row in try await rig.app(
                    "select _hc_lastop, _hc_err, sfid from T.account where name like 'bad%'")
                {
                    #expect(try row["_hc_lastop"] == "FAILED")
                    #expect(try row["sfid", as: String?.self] == nil)
                    let text: String = try row["_hc_err"]
                    let error = try JSONDecoder().decode(RowError.self, from: Data(text.utf8))
                    #expect(error.code == "FIELD_CUSTOM_VALIDATION_EXCEPTION")
                    #expect(error.message == "No bad names" && error.fields == ["Name"])
                }
                // The row is corrected, and captured again as it is now.
                try await rig.app("update T.account set name = 'corrected' where external_id__c = 'err-1'")
                try await rig.app(
                    """
                    select T.hc_capture_insert_from_row(public.hstore(a.*), 'account') from T.account a
                    where external_id__c = 'err-1'
                    """)
                try await rig.untilSynced("account", "external_id__c = 'err-1'", 1)
                // The org's rule is corrected, and the entries are sent again.
                try await rig.orgSettings(#"{"validation":[]}"#)
                try await rig.app(
                    """
                    update T._trigger_log set state = 'NEW'
                    where state = 'FAILED' and "values" like '%bad 2%'
                    """)
                try await rig.untilSynced("account", "external_id__c = 'err-2'", 1)
                let id: Int = try await rig.app(
                    #"select id from T._trigger_log where state = 'FAILED' and "values" like '%bad 3%'"#
                ).scalar()
                let (status, output) = try rig.command("writes", "retry", rig.org.id, "\(id)")
                #expect(status == 0 && output == "1 change is sent again\n", "\(output)")
                try await rig.untilSynced("account", "external_id__c like 'err-%'", 4)
                let records = try await rig.records("Account", by: "external_id__c")
                #expect(records["err-1"]?["name"]?.string == "corrected")
                #expect(records["err-2"]?["name"]?.string == "bad 2")
                #expect(records["err-3"]?["name"]?.string == "bad 3")
                #expect(try await rig.written("Account").count { $0["kind"]?.string == "create" } == 4)
            }
        }

        @Test func `a mapping that becomes read-only sends what waited, and nothing of later`() async throws {
            try await withApplication { rig in
                let rows: [Int] = try await rig.app("select id from T.account order by id limit 3").column()
                let sfids: [String] = try await rig.app("select sfid from T.account order by id limit 3")
                    .column()
                try await rig.deployment.fault(
                    #"{"kind":"fail_rows","path":"/","count":1000,"nth":1,"code":"UNABLE_TO_LOCK_ROW"}"#)
                try await rig.app("update T.account set phone = 'waited' where id = \(rows[0])")
                let output = try rig.importMappings(ApplicationRig.mapping(accounts: "read_only"))
                #expect(output.contains("access read_write -> read_only"), "\(output)")
                #expect(try await rig.entries("state in ('NEW', 'PENDING')") == 1, "it still waits")
                try await rig.app("update T.account set phone = 'unsent' where id = \(rows[1])")
                try await rig.app("insert into T.account (name, external_id__c) values ('Unsent', 'ro-1')")
                #expect(try await rig.entries("state = 'READONLY'") == 2)
                try await rig.deployment.fault(#"{"kind":"clear"}"#)
                try await rig.untilEntry("record_id = \(rows[0])", is: "SUCCESS")

                let back = try rig.importMappings(ApplicationRig.mapping())
                #expect(back.contains("access read_only -> read_write"), "\(back)")
                try await rig.app("update T.account set phone = 'sent' where id = \(rows[2])")
                try await rig.untilSynced("account", "id = \(rows[2])", 1)
                // A change from the time before reaches the org if the row is captured again.
                try await rig.app(
                    """
                    select T.hc_capture_insert_from_row(public.hstore(a.*), 'account') from T.account a
                    where external_id__c = 'ro-1'
                    """)
                try await rig.untilSynced("account", "external_id__c = 'ro-1'", 1)
                let records = try await rig.records("Account", by: "sfid")
                #expect(records[sfids[0]]?["phone"]?.string == "waited")
                #expect(records[sfids[1]]?["phone"]?.string != "unsent")
                #expect(records[sfids[2]]?["phone"]?.string == "sent")
                #expect(try await rig.written("Account").count == 3)
                #expect(try await rig.entries("state = 'READONLY'") == 2)
            }
        }

        @Test func `local writes around a reload arrive, and rows keep their ids`() async throws {
            try await withApplication { rig in
                let before = try await ids(rig)
                #expect(before.count == 300)
                try await rig.app("update T.account set phone = 'before' where id % 3 = 0")
                try await rig.app("insert into T.account (name, external_id__c) values ('Before', 'rl-1')")
                try await rig.deployment.fault(
                    #"{"kind":"delay","path":"/quer","count":4,"milliseconds":1500}"#)
                let (status, output) = try rig.command("mappings", "reload", rig.org.id, "Account")
                #expect(status == 0, "\(output)")
                try await eventually(within: .seconds(40), "the reload runs") {
                    try await !reloads(rig).isEmpty
                }
                try await rig.app("update T.account set phone = 'during' where id % 3 = 1")
                try await rig.app("insert into T.account (name, external_id__c) values ('During', 'rl-2')")
                let gone: String = try await rig.app(
                    """
                    delete from T.account where id = (
                      select max(id) from T.account where external_id__c like 'ext-%') returning sfid
                    """
                ).scalar()
                #expect(try await !reloads(rig).contains("done"), "the changes are made during the reload")
                try await eventually(
                    within: .seconds(60), "the reload ends\n\(rig.worker.output.suffix(2000))"
                ) {
                    try await reloads(rig) == ["done"]
                }
                try await rig.app("update T.account set phone = 'after' where id % 3 = 2")
                try await rig.untilSynced("account", "true", 301)
                var expected = before
                expected[gone] = nil
                let after = try await ids(rig).filter { before[$0.key] != nil }
                #expect(after == expected, "no row was made again")
                let records = try await rig.records("Account", by: "sfid")
                #expect(records.count == 301 && records[gone] == nil)
                for row in try await rig.app("select sfid, name, phone from T.account") {
                    let record = try records[row["sfid", as: String.self]]
                    #expect(try record?["phone"]?.string == row["phone", as: String?.self])
                    #expect(try record?["name"]?.string == row["name", as: String?.self])
                }
                let phones: Int = try await rig.app(
                    "select count(*) from T.account where phone in ('before', 'during', 'after')"
                ).scalar()
                #expect(phones >= 299, "all local values stayed")
            }
        }

        @Test func `an operator decides about inserts whose outcome cannot be known`() async throws {
            try await withApplication { rig in
                let org = rig.org.id
                #expect(
                    try rig.command("organizations", "settings", org, "write_quarantine_seconds=2").status
                        == 0)
                try await rig.orgSettings(
                    #"{"flow":[{"object":"Contact","when":"LastName","set":"LastName","change":"upper"}]}"#)
                try await rig.deployment.fault(
                    #"{"kind":"lost_response","path":"/composite/sobjects","count":1}"#)
                try await rig.app("insert into T.contact (lastname) values ('First Doubt'), ('Second Doubt')")
                var ids: [Int] = []
                try await eventually(within: .seconds(60), "two changes are in doubt") {
                    let output = try rig.command("writes", "list", org, "--in-doubt", "--json").output
                    let writes = try JSONValue(parsing: Array(output.utf8))["writes"]?.array ?? []
                    ids = writes.compactMap { $0["id"]?.int }.sorted()
                    return ids.count == 2
                }
                #expect(try rig.command("writes", "resolve", org, "\(ids[0])", "--exists").status == 65)
                let made = try await rig.records("Contact", by: "lastname")
                let first = try #require(made["FIRST DOUBT"]?["sfid"]?.string)
                let second = try #require(made["SECOND DOUBT"]?["sfid"]?.string)
                let absent = try rig.command(
                    "writes", "resolve", org, "\(ids[0])", "--exists", "--sfid", "003000000000001AAA")
                #expect(absent.status == 65 && absent.output.contains("no record"), "\(absent.output)")
                let exists = try rig.command(
                    "writes", "resolve", org, "\(ids[0])", "--exists", "--sfid", first)
                #expect(exists.status == 0, "\(exists.output)")
                try await rig.change(#"{"kind":"delete","object":"Contact","ids":["\#(second)"]}"#)
                let again = try rig.command("writes", "resolve", org, "\(ids[1])", "--send-again")
                #expect(again.status == 0, "\(again.output)")
                try await rig.untilSynced("contact", "upper(lastname) like '% DOUBT'", 2)
                let rows: [String] = try await rig.app(
                    "select lastname from T.contact where upper(lastname) like '% DOUBT' order by 1"
                ).column()
                #expect(rows == ["FIRST DOUBT", "SECOND DOUBT"], "the org's values came back")
                let records = try await rig.records("Contact", by: "sfid")
                let names = records.values.compactMap { $0["lastname"]?.string }.filter {
                    $0.hasSuffix("DOUBT")
                }
                #expect(names.sorted() == ["FIRST DOUBT", "SECOND DOUBT"], "no record was made twice")
                #expect(try rig.command("writes", "list", org, "--in-doubt").output == "nothing waits\n")
            }
        }

        private func ids(_ rig: ApplicationRig) async throws -> [String: Int] {
            let rows = try await rig.app("select sfid, id from T.account where sfid is not null")
            return Dictionary(
                try rows.map { (try $0["sfid"], try $0["id"]) }, uniquingKeysWith: { first, _ in first })
        }

        private func reloads(_ rig: ApplicationRig) async throws -> [String] {
            try await rig.app("select state from multiconnect_sync.imports where kind = 'reload'").column()
        }
    }
}
