import Foundation
import Support
import Testing

@testable import Multiconnect

extension ProcessTests {
    /// Errors at the start of a process.
    @Suite(.tags(.process))
    struct StartTests {
        @Test(arguments: ["web", "worker", "migrate"])
        func `all missing settings are reported together, with status 78`(command: String) throws {
            let program = try Program.multiconnect([command], environment: [:])
            #expect(program.exitStatus() == 78)
            for name in [
                "DATABASE_URL", "REDIS_URL", "SECRET", "SALESFORCE_KEY", "SALESFORCE_SECRET", "APP_URL",
            ] {
                #expect(program.output.contains(name), "\(name) in:\n\(program.output)")
            }
        }

        @Test func `the error for an invalid setting says what is valid`() throws {
            let program = try Program.multiconnect(
                ["web"],
                environment: [
                    "DATABASE_URL": "mysql://x", "REDIS_URL": "http://x", "SECRET": "short", "PORT": "99999",
                    "WORKER_CONCURRENCY": "many", "WORKER_TENANT_CAP": "0", "TRUST_PROXY": "perhaps",
                    "SALESFORCE_KEY": "k",
                    "SALESFORCE_SECRET": "s3cret", "APP_URL": "example.com",
                    "CELL_DEFAULT_URL": "postgres://x/y", "SIDEKIQ_USERNAME": "a:b", "SIDEKIQ_PASSWORD": "p",
                ])
            #expect(program.exitStatus() == 78)
            for name in [
                "DATABASE_URL", "REDIS_URL", "SECRET", "PORT", "WORKER_CONCURRENCY", "WORKER_TENANT_CAP",
                "TRUST_PROXY", "APP_URL",
                "CELL_DEFAULT_URL", "SIDEKIQ_USERNAME",
            ] {
                #expect(program.output.contains(name), "\(name) in:\n\(program.output)")
            }
            #expect(!program.output.contains("s3cret"))
        }

        @Test(arguments: [
            "https://sync.example/base", "https://sync.example?a=b", "https://sync.example/#top",
            "https://ann@sync.example",
        ])
        func `an APP_URL with more than scheme, host and port is refused`(url: String) {
            let problems = #expect(throws: ConfigurationProblems.self) {
                try Configuration(environment: ["APP_URL": url])
            }
            #expect(problems?.problems.contains { $0.hasPrefix("APP_URL must have") } == true)
        }

        @Test(arguments: ["https://sync.example", "https://sync.example/", "http://[::1]:8080"])
        func `an APP_URL with scheme, host and port is accepted`(url: String) {
            let problems = #expect(throws: ConfigurationProblems.self) {
                try Configuration(environment: ["APP_URL": url])
            }
            #expect(problems?.problems.contains { $0.hasPrefix("APP_URL") } == false)
        }

        @Test func `viewers need operators, and another name`() {
            func problems(_ environment: [String: String]) -> [String] {
                let all = #expect(throws: ConfigurationProblems.self) {
                    try Configuration(environment: environment)
                }
                return all?.problems.filter { $0.hasPrefix("DASHBOARD_VIEWER") } ?? []
            }
            let viewer = ["DASHBOARD_VIEWER_USERNAME": "vic", "DASHBOARD_VIEWER_PASSWORD": "s3cret"]
            #expect(problems(viewer).first?.contains("without SIDEKIQ_USERNAME") == true)
            let operators = ["SIDEKIQ_USERNAME": "vic", "SIDEKIQ_PASSWORD": "p"]
            #expect(problems(viewer.merging(operators) { $1 }).first?.contains("must differ") == true)
            #expect(
                problems(["DASHBOARD_VIEWER_USERNAME": "vic"]).first?.contains("PASSWORD is missing") == true)
            #expect(
                problems(viewer.merging(["SIDEKIQ_USERNAME": "a", "SIDEKIQ_PASSWORD": "p"]) { $1 }).isEmpty)
        }

        @Test(arguments: [
            ("OPERATOR_EMAIL", "ann@example.com, nobody"),
            ("NOTIFY_WEBHOOK_URL", "http://hooks.example/s3cret"),
            ("NOTIFY_WEBHOOK_SECRET", "s3cret"),
        ])
        func `an invalid receiver of notifications is reported without its secrets`(
            name: String, value: String
        ) {
            let valid = [
                "NOTIFY_WEBHOOK_URL": "https://hooks.example/s3cret",
                "NOTIFY_WEBHOOK_SECRET": "s3cret-0123456789",
            ]
            let problems = #expect(throws: ConfigurationProblems.self) {
                try Configuration(environment: valid.merging([name: value]) { $1 })
            }
            #expect(problems?.problems.contains { $0.hasPrefix("\(name) ") } == true)
            #expect(problems?.problems.contains { $0.contains("s3cret") } == false)
        }

        @Test func `errors of databases and certificates have host, reason and file`() async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                func output(_ changes: [String: String], status: Int32) throws -> String {
                    let program = try Program.multiconnect(
                        ["web"], environment: deployment.environment.merging(changes) { $1 })
                    #expect(program.exitStatus() == status)
                    return program.output
                }
                let unknown = try output(["DATABASE_URL": database.url + "x"], status: 69)
                #expect(
                    unknown.contains("SQLSTATE 3D000") && unknown.contains("does not exist"), "\(unknown)")
                let absent = try output(
                    ["TLS_CERTIFICATE": "/no/such.pem", "TLS_KEY": "/no/such.key"], status: 1)
                #expect(
                    absent.contains("/no/such.pem") && absent.contains("No such file or directory"),
                    "\(absent)")
                try await deployment.stop()
            }
        }

        @Test func `SECRET_PREVIOUS may have several keys`() async throws {
            let environment = [
                "DATABASE_URL": "postgres://x/y", "REDIS_URL": "redis://x", "SALESFORCE_KEY": "k",
                "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SALESFORCE_SECRET": "s",
                "APP_URL": "https://x.example", "TRUST_PROXY": "perhaps",
            ]
            for (separator, isRight) in [(", ", true), (" ", true), (",\n", true), (";", false)] {
                let keys = [
                    "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=", String(repeating: "0f1e", count: 16),
                ]
                let program = try Program.multiconnect(
                    ["worker"],
                    environment: environment.merging(["SECRET_PREVIOUS": keys.joined(separator: separator)]) {
                        $1
                    })
                #expect(program.exitStatus() == 78)
                // The last problem. The output may arrive after the exit.
                try await eventually { program.output.contains("TRUST_PROXY") }
                #expect(program.output.contains("SECRET_PREVIOUS") == !isRight, "\(program.output)")
            }
        }

        @Test func `a missing sender and invalid mail settings are reported`() async throws {
            let environment = [
                "DATABASE_URL": "postgres://x/y", "REDIS_URL": "redis://x", "SALESFORCE_KEY": "k",
                "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SALESFORCE_SECRET": "s",
                "APP_URL": "https://x.example", "SMTP_URL": "smtp://user:hunter2@mail.example",
            ]
            let missing = try Program.multiconnect(["worker"], environment: environment)
            #expect(missing.exitStatus() == 78)
            try await eventually { missing.output.contains("MAIL_FROM is missing") }
            let wrong = try Program.multiconnect(
                ["worker"],
                environment: environment.merging([
                    "MAIL_FROM": "Acme <nobody>", "MAILS_PER_HOUR": "0", "SUPPORT_EMAIL": "nobody",
                    "BRAND_LOGO_URL": "http://acme.example/logo.png",
                    "SMTP_URL": "smtp://u:hunter2@host:x",
                ]) { $1 })
            #expect(wrong.exitStatus() == 78)
            for name in [
                "MAIL_FROM must be", "MAILS_PER_HOUR", "SMTP_URL must be", "SUPPORT_EMAIL must be",
                "BRAND_LOGO_URL must be",
            ] {
                try await eventually(name) { wrong.output.contains(name) }
            }
            #expect(!wrong.output.contains("hunter2") && !missing.output.contains("hunter2"))
        }

        @Test(arguments: ["web", "worker"])
        func `a different SECRET is refused with its name`(command: String) async throws {
            try await withDatabase { database in
                let deployment = try await Deployment(database: database)
                let web = try await deployment.startWeb()
                web.kill()
                let other = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
                let program = try Program.multiconnect(
                    [command], environment: deployment.environment.merging(["SECRET": other]) { $1 })
                #expect(program.exitStatus() != 0)
                #expect(program.output.contains("SECRET"), "\(program.output)")
                try await deployment.stop()
            }
        }

        @Test func `a process refuses a database that is not migrated, and says what to do`() async throws {
            try await withDatabase { database in
                let program = try Program.multiconnect(
                    ["web"],
                    environment: [
                        "DATABASE_URL": database.url, "REDIS_URL": "redis://127.0.0.1:1",
                        "APP_URL": "http://localhost",
                        "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "SALESFORCE_KEY": "k",
                        "SALESFORCE_SECRET": "s",
                    ])
                #expect(program.exitStatus() != 0)
                #expect(program.output.contains("multiconnect migrate"), "\(program.output)")
            }
        }

        @Test func `a command on a database that is not migrated says what to do`() async throws {
            try await withDatabase { database in
                let environment = [
                    "DATABASE_URL": database.url, "REDIS_URL": "redis://127.0.0.1:1",
                    "APP_URL": "http://localhost", "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
                    "SALESFORCE_KEY": "k", "SALESFORCE_SECRET": "s",
                ]
                let list = try Program.multiconnect(["organizations"], environment: environment)
                #expect(list.exitStatus() == 1)
                #expect(list.output.contains("run `multiconnect migrate`"), "\(list.output)")
                let first = try Program.multiconnect(["migrate"], environment: environment)
                #expect(first.exitStatus() == 0 && !first.output.contains("up to date"), "\(first.output)")
                let second = try Program.multiconnect(["migrate"], environment: environment)
                #expect(second.exitStatus() == 0 && second.output.contains("up to date"), "\(second.output)")
                let full = try Program.shell("\"$0\" jobs stats --json >/dev/full", environment: environment)
                #expect(full.exitStatus() == 1)
                #expect(full.output.contains("No space left"), "\(full.output)")
            }
        }

        @Test(arguments: ["web", "worker"])
        func `the error for an invalid mapping file has the position`(command: String) throws {
            let file = FileManager.default.temporaryDirectory.appending(
                path: "mapping-\(UUID().uuidString).json")
            try #"{"mappings":[{"object_name":"A","config":{"access":"none","fields":{"Id":{}}}}]}"#
                .write(to: file, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: file) }
            // No database listens there: the file is read before the wait for a database.
            let program = try Program.multiconnect(
                [command],
                environment: [
                    "DATABASE_URL": "postgres://127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1",
                    "SALESFORCE_KEY": "k", "SALESFORCE_SECRET": "s", "APP_URL": "https://x.example",
                    "SECRET": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "MAPPING_FILE": file.path,
                ])
            #expect(program.exitStatus() == 1)
            #expect(
                program.output.contains(
                    "the mapping file \(file.path) is not valid: mappings[0].config.access: must be"),
                "\(program.output)")
        }

        @Test(arguments: [["migrate"], ["credentials", "reseal"], ["organizations", "notifications"]])
        func `a command without a database ends soon with 69`(command: [String]) throws {
            let start = ContinuousClock.now
            let program = try Program.multiconnect(
                command, environment: Program.commandEnvironment("postgres://127.0.0.1:1/x"))
            #expect(program.exitStatus() == 69, "\(program.output)")
            #expect(ContinuousClock.now - start < .seconds(10))
        }

        @Test func `a command whose output cannot be written fails`() throws {
            let program = try Program.shell("\"$0\" generate-secret >/dev/full", environment: [:])
            #expect(program.exitStatus() == 1)
            #expect(program.output.contains("write to standard output: No space left"), "\(program.output)")
        }

        @Test func `generate-secret prints a valid SECRET`() throws {
            let program = try Program.multiconnect(["generate-secret"], environment: [:])
            #expect(program.exitStatus() == 0)
            let text = program.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(Data(base64Encoded: text)?.count == 32)
        }
    }
}
