import Encoding
import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The commands `multiconnect writes` and `multiconnect organizations settings`. No worker runs.
    @Suite(.tags(.process))
    struct WritesCommandTests {
        private static let org = "00D090000083B1pEAE"
        private static let schema = "salesforce00d090000083b1peae"
        private typealias Run = @Sendable ([String]) async throws -> (status: Int32, output: String)

        /// A tenant with changes in each status. Ids: 1 is written and archived, 2 refused and archived, 3
        /// refused, 4 and 5 wait, 6 is sent, 7 has no answer, 8 to 10 are in doubt.
        private func withChanges(
            _ body: @concurrent @Sendable (PostgresConnection, Run) async throws -> Void
        ) async throws {
            try await withDatabase { database in
                let connection = try await database.connect()
                defer { connection.close() }
                let environment = Program.commandEnvironment(database.url)
                let migrate = try Program.multiconnect(["migrate"], environment: environment)
                #expect(migrate.exitStatus() == 0)
                try await connection.script(Self.tenant + Self.changes)
                try await body(connection) { arguments in
                    let program = try Program.multiconnect(arguments, environment: environment)
                    return (program.exitStatus(), program.output)
                }
            }
        }

        private static let tenant = """
            insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status)
              values ('\(org)', 'Acme', 'ann@example.com', '\(schema)', 'live');
            insert into multiconnect.connections (organization_id) select id from multiconnect.organizations;
            insert into multiconnect.mappings (connection_id, object_name, config, table_name)
              select id, 'Account', '{"fields": {"Name": {}}, "access": "read_write"}', 'account'
              from multiconnect.connections;
            insert into multiconnect_sync.synced_tables (mapping_id, organization_id, schema_name, plan)
              select m.id, o.id, o.schema_name, '{"version": 1, "object": "Account", "table": "account",
                "access": "read_write", "indexes": [], "problems": [],
                "columns": [{"name": "name", "type": "varchar(255)", "source": "Name"}]}'
              from multiconnect.organizations o, multiconnect.mappings m;
            create schema \(schema);
            create table \(schema).account (id serial primary key, sfid varchar(18) unique, name text,
              _hc_lastop varchar(32), _hc_err text);
            insert into \(schema).account (sfid, name, _hc_lastop) select
              case when n < 8 then '00109000000000' || n || 'AAA' end, 'Row ' || n, 'PENDING'
              from generate_series(1, 10) n;
            create table \(schema)._trigger_log (id serial primary key, txid bigint,
              created_at timestamptz default now(), updated_at timestamptz default now(),
              processed_at timestamptz, processed_tx bigint, state varchar(8), action varchar(7),
              table_name varchar(128), record_id integer, sfid varchar(18), old text, "values" text,
              sf_result integer, sf_message text);
            create table \(schema)._trigger_log_archive (like \(schema)._trigger_log);

            """

        private static let changes = """
            insert into \(schema)._trigger_log_archive
              (id, created_at, state, action, table_name, record_id, sfid, sf_message) values
              (1, now(), 'SUCCESS', 'UPDATE', 'account', 1, '001090000000001AAA', null),
              (2, now(), 'FAILED', 'UPDATE', 'contact', 2, '003090000000002AAA', 'old refusal');
            insert into \(schema)._trigger_log
              (id, state, action, table_name, record_id, sfid, "values", sf_message) values
              (3, 'FAILED', 'UPDATE', 'account', 3, '001090000000003AAA', '"name"=>"Row 3"', 'No'),
              (4, 'NEW', 'UPDATE', 'account', 4, '001090000000004AAA', '"name"=>"Row 4"', null),
              (5, 'NEW', 'DELETE', 'contact', 5, '003090000000005AAA', null, null),
              (6, 'PENDING', 'UPDATE', 'account', 6, '001090000000006AAA', '"name"=>"Row 6"', null),
              (7, 'PENDING', 'UPDATE', 'account', 7, '001090000000007AAA', '"name"=>"Row 7"', null),
              (8, 'PENDING', 'INSERT', 'account', 8, null, '"name"=>"Row 8"', 'look into the org'),
              (9, 'PENDING', 'INSERT', 'account', 9, null, '"name"=>"Row 9"', 'look into the org'),
              (10, 'PENDING', 'INSERT', 'account', 10, null, '"name"=>"Row 10"', 'look into the org');
            insert into multiconnect_sync.write_attempts (organization_id, mapping_id, action, method, epoch,
              state, log_ids, record_ids, settle_at)
              select o.id, m.id, a.action, 'collection', 1, a.state, a.ids, a.ids, now() + interval '1 h'
              from multiconnect.organizations o, multiconnect.mappings m, (values
                ('update', 'sent', '{6}'::int[]), ('update', 'doubtful', '{7}'),
                ('insert', 'undecided', '{8,9,10}'))
                a (action, state, ids);
            """

        /// The ids in the output of `writes list --json`, and its counts.
        private func list(_ run: Run, _ options: [String] = []) async throws -> (ids: [Int], JSONValue) {
            let (status, output) = try await run(["writes", "list", Self.org, "--json"] + options)
            #expect(status == 0, "\(output)")
            let document = try JSONValue(parsing: Array(output.utf8))
            let ids = try #require(document["writes"]?.array).compactMap { $0["id"]?.int }
            return (ids, try #require(document["counts"]))
        }

        private func states(_ connection: PostgresConnection, _ ids: [Int]) async throws -> [String] {
            try await connection.query(
                """
                select state from (select id, state from \(raw: Self.schema)._trigger_log
                  union all select id, state from \(raw: Self.schema)._trigger_log_archive) l
                where id = any (\(ids)::int[]) order by id
                """
            ).column()
        }

        private func activity(_ connection: PostgresConnection) async throws -> [String] {
            try await connection.query(
                "select concat_ws(' ', actor, action, detail) from multiconnect.activity order by id"
            ).column()
        }

        @Test func `list shows what is not written, filtered by object and status`() async throws {
            try await withChanges { _, run in
                let (open, counts) = try await list(run)
                #expect(open == [10, 9, 8, 7, 6, 5, 4, 3, 2])
                #expect(
                    counts.serialized == """
                        {"doubtful":1,"failed":1,"ignored":0,"in-doubt":3,"sending":1,"waiting":2,"written":0}
                        """)
                #expect(try await list(run, ["--object", "Contact"]).ids == [5, 2])
                #expect(try await list(run, ["--status", "failed"]).ids == [3, 2])
                #expect(try await list(run, ["--status", "failed", "--object", "account"]).ids == [3])
                #expect(try await list(run, ["--status", "waiting"]).ids == [5, 4])
                #expect(try await list(run, ["--status", "sending"]).ids == [6])
                #expect(try await list(run, ["--status", "doubtful"]).ids == [7])
                #expect(try await list(run, ["--in-doubt"]).ids == [10, 9, 8])
                #expect(try await list(run, ["--status", "written"]).ids == [1])
                #expect(try await list(run, ["--limit", "2"]).ids == [10, 9])
                let (status, text) = try await run(["writes", "list", Self.org, "--limit", "9"])
                #expect(status == 0)
                #expect(
                    text.hasPrefix("2 waiting, 1 sending, 1 doubtful, 3 in-doubt, 1 failed\n\nID"), "\(text)")
                #expect(text.contains("3   failed") && text.contains("No\n"), "\(text)")
                #expect(text.hasSuffix("there may be more: see --limit\n"), "\(text)")
                let none = try await run(["writes", "list", Self.org, "--object", "Lead"])
                #expect(none.status == 65 && !none.output.contains("ID"), "\(none.output)")
            }
        }

        @Test func `wrong arguments, unknown tenants and unknown changes have their exit statuses`()
            async throws
        {
            try await withChanges { connection, run in
                for command in ["list", "show 3", "retry 3", "discard 3", "resolve 8 --send-again"] {
                    var words = ["writes"] + command.split(separator: " ").map(String.init)
                    words.insert("00D090000083B1qEAE", at: 2)
                    let unknown = try await run(words)
                    #expect(unknown.status == 66 && unknown.output.contains("there is no tenant"))
                    words[2] = "nobody"
                    #expect(try await run(words).status == 64, "\(command)")
                }
                for command in ["show 99", "retry 99", "retry 3 99", "discard 99", "resolve 99 --send-again"]
                {
                    var words = ["writes"] + command.split(separator: " ").map(String.init)
                    words.insert(Self.org, at: 2)
                    let unknown = try await run(words)
                    #expect(unknown.status == 66 && unknown.output.contains("has no change 99"), "\(command)")
                }
                for command in [
                    "list --status lost", "list --status failed --in-doubt", "list --limit 0", "show",
                    "retry",
                    "discard", "resolve 8", "resolve 8 --exists --send-again",
                    "resolve 8 --send-again --sfid x", "resolve 8 --exists --sfid x",
                    "resolve 8 9 --exists --sfid 001090000000008AAA", "resolve 8 --exists --unchecked",
                ] {
                    var words = ["writes"] + command.split(separator: " ").map(String.init)
                    words.insert(Self.org, at: 2)
                    #expect(try await run(words).status == 64, "\(command)")
                }
                for (command, problem) in [
                    ("retry 4", "change 4 is waiting"), ("retry 3 8", "change 8 is in-doubt"),
                    ("discard 1", "change 1 is written"), ("discard 7", "change 7 is doubtful"),
                    ("resolve 3 --send-again", "change 3 is failed, not in doubt"),
                    ("resolve 8 --exists", "change 8 is an insert: name its record with --sfid"),
                ] {
                    var words = ["writes"] + command.split(separator: " ").map(String.init)
                    words.insert(Self.org, at: 2)
                    let refused = try await run(words)
                    #expect(refused.status == 65 && refused.output.contains(problem), "\(refused.output)")
                }
                #expect(try await activity(connection).isEmpty, "nothing was done")
            }
        }

        @Test func `show prints one change with its values and the answer`() async throws {
            try await withChanges { _, run in
                let (status, text) = try await run(["writes", "show", Self.org, "3"])
                #expect(status == 0)
                for part in ["failed (FAILED)", "UPDATE", "001090000000003AAA", #""name"=>"Row 3""#] {
                    #expect(text.contains(part), "\(text)")
                }
                let json = try await run(["writes", "show", Self.org, "7", "--json"]).output
                let write = try JSONValue(parsing: Array(json.utf8))
                #expect(write["status"]?.string == "doubtful" && write["state"]?.string == "PENDING")
                #expect(write["settle_at"]?.string != nil && write["record_id"]?.int == 7)
                let archived = try await run(["writes", "show", Self.org, "1"]).output
                #expect(archived.contains("written (SUCCESS)"), "\(archived)")
            }
        }

        @Test func `retry and discard change what they name, and leave a trace`() async throws {
            try await withChanges { connection, run in
                let retried = try await run(["writes", "retry", Self.org, "--all"])
                #expect(retried.status == 0 && retried.output == "2 changes are sent again\n")
                #expect(try await states(connection, [2, 3]) == ["REQUEUE", "NEW"])
                let again = try await run(["writes", "retry", Self.org, "--all"])
                #expect(again.status == 0 && again.output == "0 changes are sent again\n")
                #expect(
                    try await run(["writes", "discard", Self.org, "4"]).output == "1 change is discarded\n")
                let object = try await run(["writes", "discard", Self.org, "--object", "Contact"])
                #expect(object.status == 0, "\(object.output)")
                #expect(try await states(connection, [3, 4, 5]) == ["NEW", "IGNORED", "IGNORED"])
                #expect(try await states(connection, [6, 7, 8]) == ["PENDING", "PENDING", "PENDING"])
                let rereads: [String] = try await connection.query(
                    "select sfid from multiconnect_sync.rereads"
                ).column()
                #expect(rereads == ["001090000000004AAA"], "Salesforce's values come back")
                let trace = try await activity(connection)
                #expect(trace.first == "ann (command line) writes_retried 3 2", "\(trace)")
                #expect(trace.contains("ann (command line) writes_discarded 4"), "\(trace)")
            }
        }

        @Test func `an object without a mapping and without changes is unknown`() async throws {
            try await withChanges { _, run in
                for command in [["list"], ["retry"], ["discard"]] {
                    let answer = try await run(["writes"] + command + [Self.org, "--object", "NoSuch"])
                    #expect(answer.status == 65, "\(command): \(answer.output)")
                    #expect(answer.output.contains("has no mapping NoSuch"), "\(answer.output)")
                }
                let known = try await run(
                    ["writes", "list", Self.org, "--object", "Contact", "--status", "failed"])
                #expect(known.status == 0, "\(known.output)")
                let webhook = try await run(["webhooks", "deliveries", "nosuch"])
                #expect(webhook.status == 66 && webhook.output.contains("nosuch"), "\(webhook.output)")
            }
        }

        @Test func `retry leaves out changes whose columns were written later`() async throws {
            try await withChanges { connection, run in
                try await connection.script(
                    """
                    insert into \(Self.schema)._trigger_log_archive
                      (id, state, action, table_name, record_id, "values") values
                      (20, 'SUCCESS', 'UPDATE', 'account', 3, '"name"=>"newer", "phone"=>NULL'),
                      (21, 'SUCCESS', 'UPDATE', 'account', 11, '"phone"=>"1"'),
                      (22, 'SUCCESS', 'UPDATE', 'account', 12, '"name"=>"older"');
                    insert into \(Self.schema)._trigger_log
                      (id, state, action, table_name, record_id, "values") values
                      (19, 'FAILED', 'UPDATE', 'account', 11, '"name"=>"other column"'),
                      (23, 'FAILED', 'INSERT', 'account', 12, '"id"=>"12", "name"=>"later"')
                    """)
                let (status, output) = try await run(["writes", "retry", Self.org, "--object", "account"])
                #expect(status == 0)
                #expect(output.hasPrefix("2 changes are sent again\nleft out, because"), "\(output)")
                #expect(output.contains("are written: 3; see multiconnect writes discard"), "\(output)")
                #expect(try await states(connection, [3, 19, 23]) == ["FAILED", "NEW", "NEW"])
                #expect(try await run(["writes", "retry", Self.org, "3"]).status == 0)
                #expect(try await states(connection, [3]) == ["NEW"], "it was named")
            }
        }

        @Test func `a record of another row of the application is refused, and the row's own is known`()
            async throws
        {
            try await withChanges { connection, run in
                let (own, others) = ("001090000000008AAA", "001090000000009AAA")
                try await connection.script(
                    """
                    insert into \(Self.schema).account (id, sfid, name) values (11, '\(others)', 'Row 11');
                    insert into \(Self.schema)._trigger_log (id, state, action, table_name, record_id, sfid)
                      values (11, 'SUCCESS', 'INSERT', 'account', 11, '\(others)');
                    """)
                let resolve = ["writes", "resolve", Self.org, "8", "--exists"]
                let refused = try await run(resolve + ["--sfid", others, "--unchecked"])
                #expect(
                    refused.status == 65 && refused.output.contains("belongs to row 11"), "\(refused.output)")
                #expect(try await states(connection, [8]) == ["PENDING"])
                // A read found the row by its external id.
                try await connection.script(
                    "update \(Self.schema).account set sfid = '\(own)' where id = 8")
                let other = try await run(resolve + ["--sfid", "001090000000007AAA", "--unchecked"])
                #expect(
                    other.status == 65 && other.output.contains("has the record \(own)"), "\(other.output)")
                let exists = try await run(resolve)
                #expect(exists.status == 0, "\(exists.output)")
                #expect(try await states(connection, [8]) == ["SUCCESS"])
            }
        }

        @Test func `all refused changes are sent again or given up, however many they are`() async throws {
            try await withChanges { connection, run in
                try await connection.script(
                    """
                    insert into \(Self.schema)._trigger_log (id, state, action, table_name, record_id)
                      select n, 'FAILED', 'INSERT', 'account', n from generate_series(1000, 1249) n
                    """)
                let some = try await run(["writes", "retry", Self.org, "--all", "--limit", "20"])
                #expect(
                    some.status == 0 && some.output.hasPrefix("20 changes are sent again"), "\(some.output)")
                let all = try await run(["writes", "retry", Self.org, "--all"])
                #expect(
                    all.status == 0 && all.output.hasPrefix("232 changes are sent again"), "\(all.output)")
                let discarded = try await run(["writes", "discard", Self.org, "--all"])
                #expect(discarded.output == "254 changes are discarded\n", "\(discarded.output)")
            }
        }

        @Test func `a change in doubt is resolved as existing, or sent again`() async throws {
            try await withChanges { connection, run in
                let record = "001090000000008AAA"
                // The record arrived as another row, and the application has changed that row.
                try await connection.script(
                    """
                    insert into \(Self.schema).account (id, sfid, name) values (11, '\(record)', 'Row 11');
                    insert into \(Self.schema)._trigger_log (id, state, action, table_name, record_id, sfid)
                      values (11, 'NEW', 'UPDATE', 'account', 11, '\(record)');
                    """)
                let resolve = ["writes", "resolve", Self.org, "8", "--exists", "--sfid", record]
                let unasked = try await run(resolve)
                #expect(
                    unasked.status == 69 && unasked.output.contains("add --unchecked"), "\(unasked.output)")
                #expect(try await states(connection, [8]) == ["PENDING"])
                let exists = try await run(resolve + ["--unchecked"])
                #expect(exists.status == 0 && exists.output == "change 8 is recorded as written\n")
                // Of several changes, those that are in doubt are decided.
                let sent = try await run(["writes", "resolve", Self.org, "8", "9", "99", "--send-again"])
                #expect(sent.status == 65 && sent.output.contains("change 9 is sent again\n"))
                #expect(
                    sent.output.contains("change 8 is written, not in doubt; \(Self.org) has no change 99"))
                #expect(try await states(connection, [8, 9, 10]) == ["SUCCESS", "NEW", "PENDING"])
                let row = try #require(
                    try await connection.query(
                        "select sfid, _hc_lastop from \(raw: Self.schema).account where id = 8"
                    ).first)
                #expect(try row["sfid"] == record && row["_hc_lastop"] == "INSERTED")
                let moved: [Int] = try await connection.query(
                    """
                    select record_id from \(raw: Self.schema)._trigger_log where id = 11
                    union all select id from \(raw: Self.schema).account where sfid = \(record)
                    """
                ).column()
                #expect(moved == [8, 8], "both rows are one")
                let rereads: [String] = try await connection.query(
                    "select sfid from multiconnect_sync.rereads"
                ).column()
                #expect(rereads == [record], "Salesforce's values come with the next read")
                #expect(try await list(run, ["--in-doubt"]).ids == [10])
                #expect(
                    try await run(["writes", "resolve", Self.org, "8", "--send-again"]).status == 65,
                    "it is decided")
                let open: [String] = try await connection.query(
                    """
                    select log_ids::text from multiconnect_sync.write_attempts where state = 'undecided'
                    """
                ).column()
                #expect(open == ["{10}"])
                _ = try await run(["writes", "resolve", Self.org, "10", "--send-again"])
                let settled: Int = try await connection.query(
                    "select count(*) from multiconnect_sync.write_attempts where state = 'settled'"
                ).scalar()
                #expect(settled == 1, "an attempt without open changes is settled")
                #expect(try await activity(connection).count == 3)
            }
        }

        @Test func `settings are printed and changed, and an unknown one changes nothing`() async throws {
            try await withChanges { connection, run in
                let settings = ["organizations", "settings", Self.org]
                let (status, text) = try await run(settings)
                #expect(status == 0)
                #expect(text.contains("write_calls               5      default"), "\(text)")
                let changed = try await run(settings + ["write_calls=3", "poll_db_no_merge=FALSE"])
                #expect(changed.status == 0)
                #expect(
                    changed.output.contains("write_calls               3      set"), "\(changed.output)")
                #expect(changed.output.contains("poll_db_no_merge          false  set"))
                for wrong in ["calls=3", "write_calls=99", "write_calls", "write_notify=perhaps"] {
                    #expect(try await run(settings + ["write_calls=4", wrong]).status == 64, "\(wrong)")
                }
                let stored: String = try await connection.query(
                    "select settings::text from multiconnect.connections"
                ).scalar()
                #expect(stored == #"{"write_calls": 3, "poll_db_no_merge": false}"#)
                #expect(
                    try await activity(connection) == [
                        "ann (command line) settings_changed write_calls=3 poll_db_no_merge=FALSE"
                    ])
                let unknown = ["organizations", "settings", "00D090000083B1qEAE"]
                #expect(try await run(unknown).status == 66)
            }
        }
    }
}
