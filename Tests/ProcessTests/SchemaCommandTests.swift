import Foundation
import Postgres
import SampleDescribes
import Salesforce
import Support
import Testing

extension ProcessTests {
    /// `multiconnect schema`: a tenant's tables in a developer's own database.
    @Suite(.tags(.process))
    struct SchemaCommandTests {
        private func withDescribes(
            _ body: @concurrent @Sendable (URL) async throws -> Void
        ) async throws {
            let directory = URL.temporaryDirectory.appending(path: "describes-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: directory) }
            let account = Describes.object(
                "Account", [Describes.field("Name", .string, length: 255), Describes.externalID("Key__c")])
            let json = String(decoding: try JSONEncoder().encode(account), as: UTF8.self)
            // As the Salesforce CLI writes it.
            try Data(#"{"status":0,"result":\#(json)}"#.utf8).write(
                to: directory.appending(path: "Account.json"))
            try Data(
                """
                {"mappings":[{"object_name":"Account","config":{"access":"read_write","fields":{"Id":{},"Name":{},
                "Key__c":{},"Gone__c":{}},"indexes":{"Key__c":{"unique":true}}}}],"version":1}
                """.utf8
            ).write(to: directory.appending(path: "mapping.json"))
            try await body(directory)
        }

        private func run(_ directory: URL, _ more: String...) throws -> (status: Int32, output: String) {
            let program = try Program.multiconnect(
                [
                    "schema", "--mapping", directory.appending(path: "mapping.json").path, "--describes",
                    directory.path,
                ] + more, environment: [:])
            return (program.exitStatus(), program.output)
        }

        @Test func `the printed SQL makes a schema that captures changes`() async throws {
            try await withDescribes { directory in
                let (status, sql) = try run(directory, "--schema", "my schema")
                #expect(status == 0 && sql.contains("-- Account: "), "\(sql)")
                try await withDatabase { database in
                    let connection = try await database.connect()
                    defer { connection.close() }
                    try await connection.script(sql)
                    try await connection.script(
                        #"insert into "my schema".account (name, key__c) values ('A', 'k'), ('B', null)"#)
                    let entries: [String] = try await connection.query(
                        #"select action || ' ' || state from "my schema"._trigger_log order by id"#
                    ).column()
                    #expect(entries == ["INSERT NEW", "INSERT NEW"])
                    let indexes: Int = try await connection.query(
                        """
                        select count(*) from pg_indexes
                        where schemaname = 'my schema' and indexname = 'hcu_idx_account_key__c'
                        """
                    ).scalar()
                    #expect(indexes == 1)
                }
            }
        }

        @Test func `a missing describe and a wrong file are named`() async throws {
            try await withDescribes { directory in
                let file = directory.appending(path: "mapping.json")
                let text = try String(contentsOf: file, encoding: .utf8)
                try Data(text.replacing("\"Account\"", with: "\"Contact\"").utf8).write(to: file)
                var (status, output) = try run(directory)
                #expect(status == 66 && output.contains("Contact.json"), "\(output)")
                try Data("{}".utf8).write(to: file)
                (status, output) = try run(directory)
                #expect(status == 65 && output.contains("mappings"), "\(output)")
                try Data(text.utf8).write(to: file)
                try Data("[1]".utf8).write(to: directory.appending(path: "Account.json"))
                (status, output) = try run(directory)
                #expect(status == 65 && output.contains("Account.json"), "\(output)")
            }
        }
    }
}
