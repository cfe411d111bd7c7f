import Foundation
import Postgres
import Subprocess
import Support
import Testing

@testable import Replication

/// `Golden/tenant.sql` is what `pg_dump --schema-only` says of one tenant with the default mapping.
/// Applications pin these names and types, so a difference is a decision. `UPDATE_GOLDEN=1 bin/test --filter
/// GoldenSchemaTests` writes the file anew.
@Suite(.tags(.store))
struct GoldenSchemaTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Golden/tenant.sql")

    @Test func `a tenant's schema equals the golden file`() async throws {
        let text = try await withTenantDatabase { fixture in
            try await fixture.provision()
            return try await dump(fixture)
        }
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try text.write(to: Self.golden, atomically: true, encoding: .utf8)
        }
        let expected = try String(contentsOf: Self.golden, encoding: .utf8)
        #expect(lines(text).difference(from: lines(expected)).map(\.text) == [])
    }

    @Test func `provisioning again changes nothing`() async throws {
        try await withTenantDatabase { fixture in
            try await fixture.provision()
            let first = try await dump(fixture)
            try await fixture.provision()
            let second = try await dump(fixture)
            #expect(first == second)
            let connection = try await fixture.connect()
            defer { connection.close() }
            let rows = try await connection.query(
                "select hcver, org_id from \(identifier: fixture.schema, "_hcmeta")")
            #expect(rows.count == 1)
            let orgID: String? = try rows.first?["org_id"]
            #expect(orgID == TenantFixture.orgID)
        }
    }

    private func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }

    /// The dump without comments, settings and what differs between runs.
    private func dump(_ fixture: TenantFixture) async throws -> String {
        let result = try await Subprocess.run(
            .name("pg_dump"),
            arguments: ["--schema-only", "--no-owner", "--no-privileges", fixture.database.url],
            output: .string(limit: 16 << 20))
        #expect(result.terminationStatus.isSuccess)
        let noise = [
            "--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict", "COMMENT ON",
        ]
        return result.standardOutput.split(separator: "\n")
            .filter { line in !noise.contains { line.hasPrefix($0) } }
            .joined(separator: "\n") + "\n"
    }
}

extension CollectionDifference<Substring>.Change {
    fileprivate var text: String {
        switch self {
        case .insert(let offset, let element, _): "+\(offset): \(element)"
        case .remove(let offset, let element, _): "-\(offset): \(element)"
        }
    }
}
