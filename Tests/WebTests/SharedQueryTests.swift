import Cryptography
import Encoding
import Foundation
import HTTPClient
import Organizations
import Postgres
import Salesforce
import Support
import TenantAdmin
import Testing

/// Shared queries: the tenant's reader, links, and attacks.
@Suite(.tags(.store))
struct SharedQueryTests {
    /// A tenant with a table, whose reader can log in, and an operator's browser.
    private struct Scene: Sendable {
        let browser: OperatorBrowser
        let book: SharedQueryBook
        let organization: Organization

        var rig: WebRig { browser.rig }
        var path: String { "/dashboard/tenants/\(OperatorBrowser.org)/queries" }

        func add(
            _ name: String, _ statement: String, _ change: (inout SharedQuery.Settings) -> Void = { _ in }
        ) async throws -> SharedQuery {
            var settings = SharedQuery.Settings()
            settings.name = name
            settings.statement = statement
            change(&settings)
            return try #require(try await book.add(settings, to: organization, by: "ann"))
        }

        func run(_ statement: String) async throws -> SharedQueryBook.View {
            let query = try await add("q\(UUID().uuidString)", statement) { $0.seconds = 2 }
            return try await book.view(query, isForced: true, by: "ann")
        }

        func link(_ query: SharedQuery, _ name: String = "finance") async throws -> String {
            let text = try await book.share(query, as: name, expiresAt: nil, by: "ann")
            return try #require(text.revealText())
        }
    }

    private func withScene(
        reader: Bool = true, _ body: @escaping @Sendable @concurrent (Scene) async throws -> Void
    ) async throws {
        let keys = KeyRing(current: try SecretKey.generate())
        try await withOperator({ $0.sharedQueryKeys = keys }) { browser in
            try await browser.addTenantWithTable()
            let pool = browser.rig.pool
            let organization = try #require(
                try await pool.withConnection {
                    try await OrganizationStore(on: $0).find(try OrganizationID(OperatorBrowser.org))
                })
            let store = ReaderRoleStore(organization)
            if reader {
                try await pool.withConnection { connection in
                    let outcome = try await store.grant(password: "reader-password", on: connection)
                    #expect(outcome == .granted)
                    try await ReaderLoginStore(on: connection).set(
                        ReaderLogin(role: store.role, password: Secret(text: "reader-password")),
                        of: organization, keys: keys)
                }
            }
            let scene = Scene(
                browser: browser,
                book: SharedQueryBook(
                    control: pool, databases: ["default": pool.configuration], keys: keys),
                organization: organization)
            do {
                try await body(scene)
            } catch {
                Issue.record("\(error)")
            }
            _ = try await pool.withConnection { try await store.revoke(on: $0) }
        }
    }

    @Test func `the links of a tenant that has ended show nothing`() async throws {
        try await withScene { scene in
            let query = try await scene.add("names", "select name from account")
            let target = "/shared/" + (try await scene.link(query))
            #expect(try await scene.rig.get(target).status == 200)
            _ = try await scene.rig.pool.execute(
                "update multiconnect.organizations set status = 'uninstalled'")
            // Also the stored result.
            #expect(try await scene.rig.get(target).status == 404)
        }
    }

    @Test func `a query is saved, run, shared as page, CSV and JSON, and the link is revoked`() async throws {
        try await withScene { scene in
            let (browser, rig) = (scene.browser, scene.rig)
            let made = try await browser.post(
                scene.path,
                [
                    "name": "<b>Names</b>",
                    "statement": "select id, name from account where id < 9 order by id;",
                    "seconds": "5", "rows": "8", "refresh": "300",
                ])
            let page = try #require(made.headers["location"])
            #expect(made.status == 303)
            let shown = try await browser.get(String(page.prefix { $0 != "?" }) + "?run=1")
            #expect(shown.text.contains("Row 8") && shown.text.contains("&lt;b&gt;Names"))
            #expect(!shown.text.contains("<script>alert"), "a value is escaped")
            let query = try #require(try await scene.book.list(of: scene.organization.id).first)
            let path = "\(scene.path)/\(query.id.uuidString.lowercased())"
            let shared = try await browser.post("\(path)/links", ["name": "finance", "days": "7"])
            let link = try #require(
                shared.text.firstMatch(of: /<pre>([^<]*\/shared\/mcq_[A-Za-z0-9_-]+)<\/pre>/)
            ).output.1
            let target = String(link)
            let opened = try await rig.get(target)
            #expect(opened.status == 200 && opened.text.contains("Row 8"))
            #expect(!opened.text.contains("<script>alert") && opened.headers["cache-control"] == "no-store")
            let csv = try await rig.get(target + ".csv")
            #expect(csv.text.hasPrefix("\"id\",\"name\"\n\"1\",\"Row 1\"\n"))
            #expect(csv.headers["content-type"]?.hasPrefix("text/csv") == true)
            let json = try JSONValue(parsing: try await rig.get(target + ".json").body)
            #expect(json["columns"]?.array?.map(\.string) == ["id", "name"])
            #expect(json["rows"]?.array?.count == 8 && json["is_cut"]?.bool == false)
            let token = String(target.split(separator: "/").last ?? "")
            let bearer = try await rig.get("/shared.json", [("Authorization", "Bearer \(token)")])
            #expect(bearer.status == 200 && bearer.text.contains("Row 8"))
            #expect(try await rig.get("/shared.json").status == 401)
            for wrong in ["/shared/mcq_wrong", "/shared/x", "\(target)x", "\(target).xml"] {
                #expect(try await rig.get(wrong).status == 404, "\(wrong)")
            }
            let stored: [String] = try await rig.pool.query(
                "select encode(hash, 'hex') from multiconnect.shared_query_links"
            ).column()
            #expect(stored.count == 1 && !stored[0].contains(token))
            #expect(try await scene.book.revoke("finance", of: query, by: "ann") == 1)
            #expect(try await rig.get(target).status == 404)
            let actions = try await browser.texts(
                "select distinct action from multiconnect.activity where action like 'query%' order by action"
            )
            #expect(
                actions == ["query_created", "query_link_revoked", "query_shared", "query_viewed"])
        }
    }

    @Test func `a result is shown again until it is too old, and another text is a new version`() async throws
    {
        try await withScene { scene in
            let query = try await scene.add("count", "select count(*) as n from account")
            let link = try await scene.link(query)
            func count() async throws -> String? {
                let answer = try await scene.rig.get("/shared/\(link).json")
                return try JSONValue(parsing: answer.body)["rows"]?.array?.first?.array?.first?.string
            }
            #expect(try await count() == "120")
            _ = try await scene.rig.pool.execute(
                "delete from \(identifier: OperatorBrowser.schema, "account") where id > 100")
            #expect(try await count() == "120", "from the cache")
            _ = try await scene.rig.pool.execute(
                "update multiconnect.shared_queries set result_at = now() - interval '1 hour'")
            #expect(try await count() == "100")
            var settings = query.settings
            settings.statement = "select 'new' as n"
            #expect(try await scene.book.change(query, to: settings, by: "bob"))
            #expect(try await count() == "new", "a result of a former version is not shown")
            let changed = try #require(try await scene.book.find(query.id))
            let versions = try await scene.book.versions(of: changed)
            #expect(versions.map(\.number) == [2, 1] && versions.map(\.createdBy) == ["bob", "ann"])
            #expect(versions.last?.statement == "select count(*) as n from account")
        }
    }

    @Test func `the reader's rights and the cursor stop every attack`() async throws {
        try await withScene { scene in
            let schema = OperatorBrowser.schema
            try await scene.rig.pool.withConnection { connection in
                try await connection.script(
                    """
                    create schema salesforce00d000000000002eaa;
                    create table salesforce00d000000000002eaa.account (id int, name text);
                    insert into salesforce00d000000000002eaa.account values (1, 'other tenant');
                    create table public.loot (id int); grant all on public.loot to public;
                    """)
            }
            let attacks = [
                "insert into account (name) values ('x')", "update account set name = 'x'",
                "delete from account", "drop table account", "create table mine (id int)",
                "insert into public.loot values (1)",
                "with x as (insert into public.loot values (1) returning id) select * from x",
                "select 1; select 2", "select 1; delete from account", "set role postgres", "reset role",
                "set session authorization postgres", "reset session authorization",
                "commit", "rollback; select 1", "begin",
                "do $$ begin insert into public.loot values (1); end $$",
                "copy account to program 'true'", "copy account to '/tmp/x'", "copy account to stdout",
                "select * from salesforce00d000000000002eaa.account",
                "select * from multiconnect.organizations", "select * from multiconnect.credentials",
                "select * from multiconnect_sync.leases", "select pg_read_file('/etc/passwd')",
                "select pg_ls_dir('/')", "select * from dblink('dbname=postgres', 'select 1') as t (a int)",
                "select dblink_connect('host=127.0.0.1')", "select pg_sleep(60)",
                "select set_config('role', 'postgres', false)", "select lo_import('/etc/passwd')",
                "select pg_reload_conf()", "select rolpassword from pg_authid", "explain select 1", "vacuum",
                "listen x", "declare y cursor for select 1", "call nothing()",
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'postgres'",
                "update public.loot set id = 1 returning id",
            ]
            for attack in attacks {
                let start = ContinuousClock.now
                let view = try await scene.run(attack)
                guard case .failed = view else {
                    Issue.record("\(attack): \(view)")
                    continue
                }
                #expect(ContinuousClock.now - start < .seconds(10), "\(attack)")
            }
            let user = try await scene.run("select session_user, current_user, current_schema")
            guard case .result(_, let result) = user else {
                Issue.record("\(user)")
                return
            }
            #expect(result.rows == [["\(schema)_reader", "\(schema)_reader", schema]])
            let escaped = try await scene.run(
                "select set_config('transaction_read_only', 'off', true), set_config('role', 'none', false)")
            if case .result = escaped { Issue.record("the transaction became writable") }
            let loot: Int = try await scene.rig.pool.query("select count(*) from public.loot").scalar()
            let rows: Int = try await scene.rig.pool.query(
                "select count(*) from \(identifier: schema, "account")"
            ).scalar()
            #expect(loot == 0 && rows == 120)
        }
    }

    @Test func `rows and bytes are limited, and a failure does not tell strangers why`() async throws {
        try await withScene { scene in
            let many = try await scene.add("many", "select i from generate_series(1, 100000) i") {
                $0.rows = 1234
            }
            guard case .result(_, let result) = try await scene.book.view(many, isForced: true, by: "ann")
            else {
                Issue.record("no result")
                return
            }
            #expect(result.rows.count == 1234 && result.isCut && result.rows.last == ["1234"])
            let wide = try await scene.run("select repeat('x', 100000) from generate_series(1, 1000)")
            guard case .result(_, let cut) = wide else {
                Issue.record("no result")
                return
            }
            #expect(cut.isCut && cut.rows.count < 50)
            let secret = try await scene.add("secret", "select name::int from account where id = 1")
            let page = try await scene.rig.get("/shared/\(try await scene.link(secret))")
            #expect(page.status == 502 && !page.text.contains("Row 1"), "\(page.text)")
            guard case .failed(_, let reason) = try await scene.book.view(secret, isForced: true, by: "ann")
            else {
                Issue.record("no failure")
                return
            }
            #expect(reason.contains("invalid input syntax"))
        }
    }

    @Test
    func `a CSV with a part of the rows must be asked for, and pages and JSON say that rows are missing`()
        async throws
    {
        try await withScene { scene in
            let query = try await scene.add("cut", "select id from account order by id") { $0.rows = 2 }
            let target = "/shared/" + (try await scene.link(query))
            let refused = try await scene.rig.get(target + ".csv")
            #expect(refused.status == 409 && refused.text.contains("more rows than the 2"), "\(refused.text)")
            #expect(try await scene.rig.get(target + ".csv?partial=1").status == 409)
            let token = String(target.split(separator: "/").last ?? "")
            let bearer = [("Authorization", "Bearer \(token)")]
            #expect(try await scene.rig.get("/shared.csv", bearer).status == 409)
            for part in [
                try await scene.rig.get(target + ".csv?partial=true"),
                try await scene.rig.get("/shared.csv?partial=true", bearer),
            ] {
                #expect(part.status == 200 && part.text == "\"id\"\n\"1\"\n\"2\"\n")
                #expect(part.headers["X-Result-Cut"] == "true")
            }
            let page = try await scene.rig.get(target)
            #expect(page.text.contains(".csv?partial=true") && page.text.contains("has more rows than the 2"))
            let json = try JSONValue(parsing: try await scene.rig.get(target + ".json").body)
            #expect(json["is_cut"]?.bool == true)
            let whole = try await scene.add("whole", "select id from account") { $0.rows = 120 }
            let csv = try await scene.rig.get("/shared/\(try await scene.link(whole)).csv")
            #expect(csv.status == 200 && csv.headers["X-Result-Cut"] == nil)
        }
    }

    @Test func `without a reader the feature is off, and so is one with more rights`() async throws {
        try await withScene(reader: false) { scene in
            let query = try await scene.add("names", "select 1")
            #expect(try await scene.book.view(query, isForced: true, by: "ann") == .off)
            #expect(try await scene.rig.get("/shared/\(try await scene.link(query))").status == 503)
            let page = try await scene.browser.get(scene.path)
            #expect(page.text.contains("grant-reader"))
        }
        try await withScene { scene in
            let query = try await scene.add("names", "select 1")
            try await scene.rig.pool.withConnection {
                try await $0.script("alter role \(OperatorBrowser.schema)_reader createrole")
            }
            guard case .failed(_, let reason) = try await scene.book.view(query, isForced: true, by: "ann")
            else {
                Issue.record("it ran")
                return
            }
            #expect(reason.contains("more rights") && reason.contains("CREATEROLE"), "\(reason)")
        }
    }

    @Test func `viewers and other tenants' pages do not reach a query`() async throws {
        try await withScene { scene in
            let query = try await scene.add("names", "select 1")
            _ = try await scene.rig.register(
                #"{"org_id":"00D000000000002EAA","org_name":"Other","admin_email":"a@other.example"}"#)
            let other = "/dashboard/tenants/00D000000000002EAA/queries/\(query.id.uuidString.lowercased())"
            #expect(try await scene.browser.get(other).status == 404)
            #expect(try await scene.browser.post("\(other)/remove").status == 404)
            let anonymous = try await scene.rig.get("\(scene.path)/\(query.id.uuidString.lowercased())")
            #expect(anonymous.status == 401)
            for (name, value) in [
                ("name", ""), ("statement", ""), ("seconds", "0"), ("rows", "x"), ("refresh", "-1"),
            ] {
                var fields = [
                    "name": "n", "statement": "select 1", "seconds": "1", "rows": "1", "refresh": "0",
                ]
                fields[name] = value
                #expect(try await scene.browser.post(scene.path, fields).status == 400, "\(name)")
            }
            #expect(try await scene.book.list(of: scene.organization.id).count == 1)
        }
    }
}
