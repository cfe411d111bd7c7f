import Foundation
import JobIndex
import Jobs
import Logging
import Postgres
import Redis
import Support
import Testing

extension ProcessTests {
    /// The command `multiconnect jobs`.
    @Suite(.tags(.process))
    struct JobsCommandTests {
        /// Databases with jobs, and the command's environment.
        struct Bench: Sendable {
            let environment: [String: String]
            let pool: PostgresPool
            let queue: JobQueue

            func run(_ arguments: String..., input: String? = nil) throws -> (
                status: Int32, output: String, errors: String
            ) {
                try run(arguments, input: input)
            }

            func run(_ arguments: [String], input: String? = nil) throws -> (
                status: Int32, output: String, errors: String
            ) {
                let process = Process()
                process.executableURL = Program.products.appendingPathComponent("multiconnect")
                process.arguments = ["jobs"] + arguments
                process.currentDirectoryURL = Program.repository
                process.environment = environment
                let (output, errors, typed) = (Pipe(), Pipe(), Pipe())
                process.standardOutput = output
                process.standardError = errors
                process.standardInput = typed
                try process.run()
                typed.fileHandleForWriting.write(Data((input ?? "").utf8))
                try typed.fileHandleForWriting.close()
                let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                let complaints = String(
                    decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                return (process.terminationStatus, text, complaints)
            }

            func json(_ arguments: String...) throws -> [String: Any] {
                let result = try run(arguments + ["--json"])
                #expect(result.status == 0, "\(result)")
                return try #require(
                    try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            }

            /// A tenant with a running import.
            func tenant() async throws -> UUID {
                try await pool.query(
                    """
                    with o as (
                        insert into multiconnect.organizations (org_id, name, admin_email, status, schema_name)
                        values ('00D5f000005mc66EAA', 'Acme', 'a@b.example', 'importing',
                            'salesforce00d5f000005mc66eaa')
                        returning id
                    )
                    insert into multiconnect.connections (organization_id) select id from o
                    returning organization_id
                    """
                ).scalar()
            }

            func state(_ id: JobID) async throws -> String? {
                try await pool.query("select state from multiconnect.jobs where id = \(id.text)").scalar()
            }
        }

        private func withBench(_ body: @concurrent @Sendable (Bench) async throws -> Void) async throws {
            try await withMigratedDatabase { database in
                try await withRedis { redis in
                    let pool = database.pool()
                    defer { pool.close() }
                    let client = RedisClient(configuration: redis.configuration)
                    defer { client.close() }
                    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
                    try await body(
                        Bench(
                            environment: Program.commandEnvironment(database.url, redis: redis.url),
                            pool: pool, queue: JobQueue(pool: pool, redis: client, logger: logger)))
                }
            }
        }

        @Test func `jobs are listed by filters, page by page`() async throws {
            try await withBench { bench in
                let tenant = UUID()
                for index in 0..<5 {
                    _ = try await bench.queue.enqueue(
                        NewJob(
                            index < 3 ? "Import" : "Mail",
                            arguments: [["token": "geheim", "index": "\(index)"]],
                            organizationID: tenant))
                }
                let first = try bench.json("list", "--class", "Import", "--limit", "2")
                #expect((first["jobs"] as? [Any])?.count == 2 && first["cut_short"] as? Bool == false)
                #expect(first["searched"] as? Int == 5)
                let next = try #require(first["next"] as? String)
                let rest = try bench.json("list", "--class", "Import", "--limit", "2", "--after", next)
                let jobs = try #require(rest["jobs"] as? [[String: Any]])
                #expect(jobs.count == 1 && rest["next"] is NSNull)
                let job = try #require(jobs.first)
                #expect(job["class"] as? String == "Import" && job["state"] as? String == "queued")
                #expect(job["tenant"] as? String == tenant.uuidString.lowercased())
                let time = try #require(job["created_at"] as? String)
                #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil)
                let arguments = try #require((job["args"] as? [[String: Any]])?.first)
                #expect(arguments["token"] as? String == "<redacted>" && arguments["index"] != nil)
                let table = try bench.run(
                    "list", "--tenant", tenant.uuidString, "--since", "1h", "--args", "index")
                #expect(table.status == 0)
                #expect(!table.output.contains("geheim"))
                for time in ["2000-02-29", "2000-02-29T23:59:59Z", "2000-02-29T23:59:59.5+02:00"] {
                    #expect(try bench.run("list", "--since", time).status == 0, "\(time)")
                }
                let none = try bench.run("list", "--state", "dead")
                #expect(none.status == 0 && none.output.isEmpty && none.errors == "no jobs match\n")
            }
        }

        @Test func `a job is shown, and hostile text does not reach the terminal`() async throws {
            try await withBench { bench in
                let id = try await bench.queue.enqueue(
                    NewJob("Import", arguments: ["\u{1b}[31mred\u{1b}[0m"]))
                _ = try await bench.pool.execute(
                    """
                    update multiconnect.jobs set state = 'dead', finished_at = now(), error_class = 'Broken',
                        error_message = \("a\u{1b}]0;title\u{7}b\nc\u{202e}d") where id = \(id.text)
                    """)
                for arguments in [["show", id.text], ["list"]] {
                    let result = try bench.run(arguments)
                    #expect(result.status == 0 && result.output.contains("Broken"))
                    for scalar in result.output.unicodeScalars {
                        #expect(scalar == "\n" || scalar.value >= 0x20 && scalar.value != 0x202e)
                    }
                }
                let detail = try bench.json("show", id.text)
                #expect(detail["error_message"] as? String == "a\u{1b}]0;title\u{7}b\nc\u{202e}d")
                #expect((detail["timeline"] as? [[String: Any]])?.last?["title"] as? String == "dead")
            }
        }

        @Test func `an action on named jobs prints the outcome of each`() async throws {
            try await withBench { bench in
                let one = try await bench.queue.enqueue(NewJob("Import"))
                let other = try await bench.queue.enqueue(NewJob("Import"))
                let cancelled = try bench.run("cancel", one.text, other.text)
                #expect(cancelled.status == 0)
                #expect(
                    cancelled.output
                        == "\(one) cancelled (it was queued)\n\(other) cancelled (it was queued)\n"
                )
                let again = try bench.run("cancel", one.text)
                #expect(again.status == 65 && again.errors.contains("cannot be cancelled"))
                let unknown = JobID()
                let mixed = try bench.run("retry", one.text, unknown.text, "--json")
                #expect(mixed.status == 66)
                #expect(mixed.output.contains("\"outcome\":\"done\"") && mixed.output.contains("\"unknown\""))
                #expect(try await bench.state(one) == "queued")
                let killed = try bench.run("kill", one.text, "--by", "bob")
                #expect(killed.status == 0)
                #expect(try await bench.state(one) == "dead")
                #expect(try bench.run("delete", one.text).status == 0)
                #expect(try await bench.state(one) == nil)
                let actors = try await bench.pool.query(
                    "select actor from multiconnect.activity where job_id = \(one.text) order by id"
                ).column(as: String.self)
                #expect(
                    actors == [
                        "ann (command line)", "ann (command line)", "bob (command line)",
                        "ann (command line)",
                    ])
            }
        }

        @Test func `all matching jobs are counted first, and changed only after a yes`() async throws {
            try await withBench { bench in
                var ids: [JobID] = []
                for index in 0..<6 {
                    ids.append(try await bench.queue.enqueue(NewJob(index < 4 ? "Import" : "Mail")))
                }
                let count = try bench.json("cancel", "--class", "Import", "--dry-run")
                #expect((count["matching"] as? [String: Any])?["value"] as? Int == 4)
                let refused = try bench.run("cancel", "--class", "Import", input: "no\n")
                #expect(refused.status == 1 && refused.errors.contains("cancel 4 jobs"))
                #expect(try bench.run("cancel", "--class", "Import").status == 1)
                #expect(try await bench.state(ids[0]) == "queued")
                let agreed = try bench.run("cancel", "--class", "Import", input: "yes\n")
                #expect(agreed.status == 0 && agreed.output.hasPrefix("4 jobs cancelled"))
                let bulk = try bench.json("delete", "--all", "--yes")
                #expect(bulk["changed"] as? Int == 6 && bulk["finished"] as? Bool == true)
                #expect(try bench.run("kill", "--state", "done", "--yes").status == 65)
            }
        }

        @Test func `a tenant whose import is killed becomes failed, and operators are notified`() async throws
        {
            try await withBench { bench in
                let tenant = try await bench.tenant()
                let id = try await bench.queue.enqueue(NewJob("ImportMapping", organizationID: tenant))
                #expect(try bench.run("kill", id.text).status == 0)
                let status = try await bench.pool.query(
                    "select status || ': ' || status_detail from multiconnect.organizations"
                ).scalar(as: String.self)
                #expect(status == "failed: ImportMapping: an operator killed the job")
                let notes = try await bench.pool.query("select count(*) from multiconnect.notifications")
                    .scalar(as: Int.self)
                #expect(notes == 1)
            }
        }

        @Test func `the status of a tenant whose mail is killed shows it, and operators are notified`()
            async throws
        {
            try await withBench { bench in
                let tenant = try await bench.pool.query(
                    """
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                    values ('00D5f000005mc66EAA', 'Acme', 'a@b.example', 'salesforce00d5f000005mc66eaa')
                    returning id
                    """
                ).scalar(as: UUID.self)
                let id = try await bench.queue.enqueue(NewJob("SendConsentMail", organizationID: tenant))
                #expect(try bench.run("kill", id.text).status == 0)
                let status = try await bench.pool.query(
                    "select status || ': ' || status_detail from multiconnect.organizations"
                ).scalar(as: String.self)
                #expect(status == "registered: the admin was not mailed: an operator killed the job")
                let notes = try await bench.pool.query("select event_type from multiconnect.notifications")
                    .column(as: String.self)
                #expect(notes == ["mail_failed"])
            }
        }

        @Test func `queues, classes and tenants are paused and resumed`() async throws {
            try await withBench { bench in
                #expect(try bench.run("pause", "--queue", "mail", "--reason", "server moves").status == 0)
                #expect(try bench.run("pause", "--queue", "mail").output == "queue:mail was already paused\n")
                let tenant = try await bench.tenant().uuidString
                #expect(try bench.run("pause", "--tenant", tenant).status == 0)
                #expect(try bench.run("pause", "--tenant", UUID().uuidString).status == 66)
                _ = try await bench.queue.enqueue(NewJob("Import"))
                let stats = try bench.json("stats")
                let pauses = try #require(stats["pauses"] as? [[String: Any]])
                #expect(pauses.first?["scope"] as? String == "queue:mail")
                #expect(pauses.first?["reason"] as? String == "server moves")
                let queued = (stats["states"] as? [String: Any])?["queued"] as? [String: Any]
                #expect(queued?["value"] as? Int == 1 && queued?["precision"] as? String == "exact")
                #expect(try bench.run("stats").output.contains("server moves"))
                _ = try await bench.pool.execute(
                    "update multiconnect.jobs set state = 'held', held_by = 'queue:mail'")
                #expect(try bench.run("list").output.contains("paused: queue:mail"))
                #expect(try bench.run("resume", "--queue", "mail").status == 0)
                #expect(try bench.run("resume", "--queue", "mail").status == 66)
            }
        }

        @Test func `a pause of an unknown name prints a warning, and is stored`() async throws {
            try await withBench { bench in
                let unknown = try bench.run("pause", "--queue", "nope")
                #expect(unknown.status == 0 && unknown.output == "queue:nope is paused\n")
                #expect(unknown.errors.contains("no job of the queue nope is known"))
                #expect(unknown.errors.contains("known: default"))
                let misspelled = try bench.json("pause", "--class", "sendconsentmail")
                #expect((misspelled["warning"] as? String)?.contains("did you mean SendConsentMail?") == true)
                _ = try await bench.queue.enqueue(NewJob("Import", queue: "mailers:low"))
                for arguments in [
                    ["--queue", "mailers:low"], ["--class", "Import"], ["--class", "PruneJobs"],
                ] {
                    let known = try bench.run(["pause"] + arguments)
                    #expect(known.status == 0 && known.errors.isEmpty, "\(known)")
                }
            }
        }

        @Test func `the weight of a tenant is set`() async throws {
            try await withBench { bench in
                let tenant = try await bench.tenant().uuidString.lowercased()
                let weighed = try bench.run("weigh", "--tenant", tenant, "3")
                #expect(weighed.status == 0 && weighed.output == "tenant:\(tenant) now has 3 jobs per turn\n")
                let again = try bench.json("weigh", "--tenant", tenant, "3")
                #expect(again["changed"] as? Bool == false && again["weight"] as? Int == 3)
                let weights = try #require(try bench.json("stats")["weights"] as? [[String: Any]])
                #expect(weights.count == 1 && weights[0]["tenant"] as? String == tenant)
                #expect(weights[0]["by"] as? String == "ann (command line)")
                #expect(try bench.run("stats").output.contains("JOBS PER TURN"))
                #expect(
                    try bench.run("weigh", "--tenant", tenant, "1").output.hasSuffix("one job per turn\n"))
                #expect(try (bench.json("stats")["weights"] as? [Any])?.isEmpty == true)
                #expect(try bench.run("weigh", "--tenant", "00D000000000009", "2").status == 66)
                #expect(try bench.run("weigh", "--tenant", UUID().uuidString, "2").status == 66)
            }
        }

        @Test(arguments: [
            ["retry"], ["delete", "--args", "", "--yes"], ["list", "--tenant", ""],
            ["retry", "0123456789abcdef01234567", "--all"], ["delete", "--all", "--class", "A"],
            ["show", "xyz"], ["list", "--state", "lost"], ["list", "--since", "yesterday"],
            ["list", "--limit", "0"],
            ["list", "--after", "x"], ["pause"], ["pause", "--queue", "a", "--class", "B"],
            ["pause", "--queue", "a b"], ["weigh", "3"], ["weigh", "--tenant", "00D000000000009"],
            ["weigh", "--tenant", "00D000000000009", "0"], ["weigh", "--tenant", "00D000000000009", "101"],
            ["list", "--tenant", "nobody"],
            ["pause", "--queue", "a", "--by", ""],
            ["kill", "--all", "--by", String(repeating: "b", count: 101)],
            ["pause", "--queue", "a", "--reason", String(repeating: "r", count: 1001)],
            // Days and hours that do not exist.
            ["list", "--since", "2026-02-30"], ["delete", "--until", "2026-04-31T08:00:00Z"],
            ["list", "--since", "2026-11-21T25:00:00Z"], ["list", "--since", "2026-11-21T08:60:00+01:00"],
        ]) func `invalid arguments are refused with status 64`(arguments: [String]) async throws {
            try await withBench { bench in
                let result = try bench.run(arguments)
                #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty, "\(result)")
            }
        }

        @Test func `the error names a database that does not answer or is not migrated`() async throws {
            try await withBench { bench in
                var environment = bench.environment
                environment["DATABASE_URL"] = "postgres://postgres@127.0.0.1:1/none"
                let away = Bench(environment: environment, pool: bench.pool, queue: bench.queue)
                #expect(try away.run("list").status == 69)
                _ = try await bench.pool.execute("drop schema multiconnect cascade")
                let bare = try bench.run("list")
                #expect(bare.status == 1 && bare.errors.contains("multiconnect migrate"))
            }
        }
    }
}
