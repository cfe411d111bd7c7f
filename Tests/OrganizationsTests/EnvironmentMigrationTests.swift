import Foundation
import Postgres
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct EnvironmentMigrationTests {
    /// A folder with the migrations before the one that corrects environments.
    private func earlier() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "migrations-\(UUID().uuidString)")
            .path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let names = try FileManager.default.contentsOfDirectory(atPath: TestDatabase.migrations)
            .filter { $0.hasSuffix(".sql") }.sorted()
        for name in names.prefix(while: { !$0.hasSuffix("_guard_consents_and_mails.sql") }) {
            try FileManager.default.copyItem(
                atPath: "\(TestDatabase.migrations)/\(name)", toPath: "\(folder)/\(name)")
        }
        return folder
    }

    @Test func `orgs that have consented get the environment that their admin logged in at`() async throws {
        let folder = try earlier()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await withDatabase { database in
            let connection = try await database.connect()
            defer { connection.close() }
            _ = try await Migrator(directory: folder).migrate(on: connection)
            let logins = [
                "https://login.salesforce.com", "https://test.salesforce.com",
                "https://acme.my.salesforce.com",
                "http://127.0.0.1:8090", nil,
            ]
            for (index, login) in logins.enumerated() {
                let id = "00D09000008300\(index)EAA"
                _ = try await connection.execute(
                    """
                    with o as (
                        insert into multiconnect.organizations
                            (org_id, name, admin_email, environment, schema_name)
                        values (\(id), 'Acme', 'ann@example.com', 'evil.my.salesforce.com',
                                'salesforce' || lower(\(id)))
                        returning id)
                    insert into multiconnect.credentials
                        (organization_id, kind, sealed, key_id, instance_url, login_url)
                    select id, 'refresh_token', 'x', 'k', 'https://x.example', \(login)::text from o
                    where \(login)::text is not null
                    """)
            }
            _ = try await Migrator(directory: TestDatabase.migrations).migrate(on: connection)
            let environments = try await connection.query(
                "select environment from multiconnect.organizations order by org_id"
            ).column(as: String.self)
            #expect(
                environments == [
                    "production", "sandbox", "acme.my.salesforce.com", "evil.my.salesforce.com",
                    "evil.my.salesforce.com",
                ])
        }
    }
}
