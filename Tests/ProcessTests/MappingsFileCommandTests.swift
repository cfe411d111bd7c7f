import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The commands `multiconnect mappings import` and `export`. No worker runs.
    @Suite(.tags(.process))
    struct MappingsFileCommandTests {
        private static let org = "00D090000083B1pEAE"

        private func withProgram(
            _ body:
                @concurrent @Sendable (
                    PostgresConnection, @Sendable ([String]) async throws -> (Int32, String)
                ) async throws -> Void
        ) async throws {
            try await withDatabase { database in
                let connection = try await database.connect()
                defer { connection.close() }
                let environment = Program.commandEnvironment(database.url)
                let migrate = try Program.multiconnect(["migrate"], environment: environment)
                #expect(migrate.exitStatus() == 0)
                try await connection.script(
                    """
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                      values ('\(Self.org)', 'Acme', 'ann@example.com', 'salesforce00d090000083b1peae');
                    insert into multiconnect.connections (organization_id) select id from multiconnect.organizations;
                    insert into multiconnect.mappings (connection_id, object_name, config)
                      select id, 'Contact', '{"fields": {"Name": {}, "Id": {}}, "access": "read_only", "revision": 7}'
                      from multiconnect.connections;
                    """)
                try await body(connection) { arguments in
                    let program = try Program.multiconnect(["mappings"] + arguments, environment: environment)
                    let status = program.exitStatus()
                    try await eventually("output") { !program.output.isEmpty }
                    return (status, program.output)
                }
            }
        }

        private func withFile(_ text: String, _ body: (String) async throws -> Void) async throws {
            let url = URL.temporaryDirectory.appending(path: "mappings-\(UUID().uuidString).json")
            try Data(text.utf8).write(to: url)
            defer { try? FileManager.default.removeItem(at: url) }
            try await body(url.path)
        }

        @Test func `two exports are equal, and an export can be imported`() async throws {
            try await withProgram { connection, run in
                let (status, text) = try await run(["export", Self.org])
                #expect(status == 0)
                #expect(text.contains(#""object_name": "Contact""#) && text.contains(#""revision": 7"#))
                let again = try await run(["export", Self.org]).1
                #expect(again == text)
                try await withFile(text) { file in
                    let (status, output) = try await run(["import", Self.org, file, "--dry-run"])
                    #expect(
                        status == 0 && output == "connection  unchanged  \nContact  unchanged  \n",
                        "\(output)"
                    )
                }
            }
        }

        @Test func `settings are exported, and imported with a warning for unknown features`() async throws {
            try await withProgram { connection, run in
                try await connection.execute(
                    """
                    update multiconnect.connections
                    set settings = '{"poll_db_no_merge": false, "write_calls": 3}'
                    """)
                let text = try await run(["export", Self.org]).1
                #expect(text.contains(#""poll_db_no_merge": false"#) && text.contains(#""write_calls": 3"#))
                #expect(text.contains(#""disable_bulk_writes": false"#))
                #expect(text.contains(#""organization_id": "\#(Self.org)""#))
                let changed =
                    text.replacingOccurrences(of: #""write_calls": 3"#, with: #""write_calls": 4"#)
                    .replacingOccurrences(
                        of: #""features": {"#,
                        with: #""features": {"fast_mode": true, "rest_count_only": true,"#)
                try await withFile(changed) { file in
                    let (status, output) = try await run(["import", Self.org, file, "--dry-run"])
                    #expect(status == 0)
                    let line = String(output.split(separator: "\n").first ?? "")
                    #expect(line.hasPrefix("connection  changed  write_calls 3 -> 4; "), "\(output)")
                    #expect(
                        line.contains("warning: connection.features.fast_mode: unknown feature, ignored"))
                    #expect(line.contains("warning: connection.features.rest_count_only: has no effect"))
                }
                let invalid = text.replacingOccurrences(
                    of: #""write_calls": 3"#, with: #""write_calls": 99"#)
                try await withFile(invalid) { file in
                    let (status, output) = try await run(["import", Self.org, file])
                    #expect(status == 65 && output.contains("connection.features.write_calls"), "\(output)")
                }
                let jobs = try await connection.query("select count(*) from multiconnect.jobs").scalar(
                    as: Int.self)
                #expect(jobs == 0, "a refused file is not imported")
            }
        }

        @Test func `a dry run prints the changes, and an import waits for a worker`() async throws {
            try await withProgram { connection, run in
                let text = """
                    {"mappings":[{"object_name":"contact","config":{"access":"read_write","fields":{"Id":{},"Email":{}},
                    "revision":8}},{"object_name":"Lead","config":{"access":"read_only","fields":{"Id":{}}}}],"version":1}
                    """
                try await withFile(text) { file in
                    let (status, output) = try await run(["import", Self.org, file, "--dry-run"])
                    #expect(status == 0)
                    #expect(
                        output.contains("contact  changed  +Email, -Name, access read_only -> read_write"))
                    #expect(output.contains("Lead  new  1 fields"))
                    let (waited, message) = try await run(["import", Self.org, file, "--wait", "1"])
                    #expect(waited == 1 && message.contains("has not finished after 1 s"), "\(message)")
                }
                let jobs: [String] = try await connection.query(
                    "select class from multiconnect.jobs where finished_at is null"
                ).column()
                #expect(jobs == ["ImportMappings"])
            }
        }

        @Test func `show prints settings and fields, and set prints its plan before it applies it`()
            async throws
        {
            try await withProgram { connection, run in
                let (status, text) = try await run(["show", Self.org, "contact"])
                #expect(status == 0 && text.contains("access                  read_only"), "\(text)")
                #expect(text.contains("sf_polling_seconds      600") && text.contains("Name   read_only"))
                let json = try await run(["show", Self.org, "Contact", "--json"]).1
                #expect(json.contains(#""object":"Contact""#) && json.contains(#""revision":7"#), "\(json)")
                #expect(try await run(["show", Self.org, "Lead"]).0 == 66)

                let changes = ["access=read_write", "filter=Name LIKE 'A=%'", "sf_polling_seconds=60"]
                let plan = try await run(["set", Self.org, "Contact"] + changes + ["--dry-run"])
                #expect(plan.0 == 0)
                #expect(
                    plan.1.contains(
                        "Contact  changed  access read_only -> read_write, sf_polling_seconds 600 -> 60, "
                            + "filter none -> Name LIKE 'A=%'\n"), "\(plan.1)")
                #expect(plan.1.contains("  users' later changes of the table are sent to Salesforce\n"))
                let none = try await run(["set", Self.org, "Contact", "access=read_only"])
                #expect(none.0 == 0 && none.1 == "Contact  unchanged  \n", "\(none.1)")
                for wrong in ["access", "access=all", "color=red", "filter=Name = 'A"] {
                    #expect(try await run(["set", Self.org, "Contact", wrong]).0 == 64, "\(wrong)")
                }
                #expect(try await run(["set", Self.org, "Lead", "access=read_write"]).0 == 66)
                let counts: SQL = "select count(*) from multiconnect.mapping_imports"
                #expect(try await connection.query(counts).scalar(as: Int.self) == 0)

                let waited = try await run(
                    ["set", Self.org, "Contact", "access=read_write", "--wait", "1"])
                #expect(waited.0 == 1 && waited.1.contains("has not finished after 1 s"), "\(waited.1)")
                let file: String = try await connection.query(
                    "select file::text from multiconnect.mapping_imports"
                ).scalar()
                #expect(
                    file.contains(#""access": "read_write""#) && file.contains(#""revision": 7"#), "\(file)")
            }
        }

        @Test func `a unique identifier must be a mapped field`() async throws {
            try await withProgram { connection, run in
                let (status, output) = try await run(["set", Self.org, "Contact", "upsert_field=Nosuch"])
                #expect(status == 65 && output.contains("Nosuch is not mapped"), "\(output)")
                let text = """
                    {"mappings":[{"object_name":"Lead","config":{"access":"read_only","fields":{"Id":{}},
                    "upsert_field":"Key__c"}}]}
                    """
                try await withFile(text) { file in
                    let (status, output) = try await run(["import", Self.org, file])
                    #expect(
                        status == 65 && output.contains("Lead: upsert_field: the field Key__c"), "\(output)")
                }
                let counts: SQL = "select count(*) from multiconnect.mapping_imports"
                #expect(try await connection.query(counts).scalar(as: Int.self) == 0)
            }
        }

        @Test func `a change of a paused tenant is queued, and says at once what it waits for`() async throws
        {
            try await withProgram { connection, run in
                try await connection.execute("update multiconnect.organizations set status = 'paused'")
                let (status, output) = try await run(["set", Self.org, "Contact", "sf_polling_seconds=300"])
                #expect(status == 1 && output.contains("multiconnect organizations resume"), "\(output)")
                let counts: SQL = "select count(*) from multiconnect.mapping_imports"
                #expect(try await connection.query(counts).scalar(as: Int.self) == 1)
                try await connection.execute("update multiconnect.mappings set import_finished_at = now()")
                let reload = try await run(["reload", Self.org])
                #expect(
                    reload.0 == 0 && reload.1.contains("reloads begin after `multiconnect organizations"),
                    "\(reload.1)")
            }
        }

        @Test func `an invalid file is refused with the place of its error`() async throws {
            try await withProgram { _, run in
                try await withFile(#"{"mappings":[{"object_name":"A","config":{}}]}"#) { file in
                    let (status, output) = try await run(["import", Self.org, file])
                    #expect(
                        status == 65 && output.contains("mappings[0].config.access: is missing"), "\(output)")
                }
                #expect(try await run(["import", Self.org, "/nowhere.json"]).0 == 66)
            }
        }
    }
}
