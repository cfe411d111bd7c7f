import Foundation
import Postgres
import Support
import Testing

@testable import Activity

@Suite(.tags(.store))
struct ActivityStoreTests {
    @Test func `records are listed newest first, by tenant and by job`() async throws {
        try await withTenant { tenant, connection in
            let store = ActivityStore(on: connection)
            try await store.add("registered", by: "org", organization: tenant)
            try await store.add("jobs.retry", by: "ann", organization: tenant, job: "j1", detail: "x")
            try await store.add("jobs.pause", by: "bob", organization: nil, detail: "all")
            try await store.add("jobs.kill", by: "bob", jobs: [("j1", "from dead"), ("j2", "from retry")])
            #expect(
                try await store.list().map(\.action) == [
                    "jobs.kill", "jobs.kill", "jobs.pause", "jobs.retry", "registered",
                ])
            #expect(try await store.list(organization: tenant).map(\.actor) == ["ann", "org"])
            #expect(try await store.list(job: "j1", limit: 10).map(\.detail) == ["x", "from dead"])
            let newest = try #require(try await store.list(limit: 1).first)
            #expect(try await store.list(before: newest.id).count == 4)
        }
    }

    @Test func `the record of a tenant that is gone has no tenant`() async throws {
        try await withTenant { _, connection in
            let store = ActivityStore(on: connection)
            try await store.add("jobs.weigh", by: "ann", organization: UUID())
            #expect(try await store.list().map(\.organization) == [nil])
        }
    }

    @Test func `an action that strangers can repeat is recorded a limited number of times an hour`()
        async throws
    {
        try await withTenant { tenant, connection in
            let store = ActivityStore(on: connection)
            func refuse() async throws {
                try await store.add(
                    "consent_refused", by: "admin", organization: tenant, detail: "d", hourlyLimit: 2)
            }
            for _ in 0..<4 { try await refuse() }
            #expect(try await store.list().count == 2)
            try await connection.execute(
                "update multiconnect.activity set created_at = now() - interval '61 minutes'")
            try await refuse()
            #expect(try await store.list().count == 3)
        }
    }

    @Test func `an actor's name always fits its column`() async throws {
        try await withTenant { tenant, connection in
            let store = ActivityStore(on: connection)
            for name in ["", "a\0b", String(repeating: "x", count: 300)] {
                try await store.add("jobs.retry", by: name, organization: tenant)
            }
            #expect(
                try await store.list().map(\.actor) == [String(repeating: "x", count: 200), "ab", "unknown"])
        }
    }

    @Test func `old records are removed in batches`() async throws {
        try await withTenant { tenant, connection in
            let store = ActivityStore(on: connection)
            for _ in 0..<3 { try await store.add("registered", by: "org", organization: tenant) }
            try await connection.execute(
                "update multiconnect.activity set created_at = now() - interval '2 days'")
            try await store.add("announced", by: "multiconnect", organization: tenant)
            #expect(try await store.prune(olderThan: .seconds(86_400), limit: 2) == 2)
            #expect(try await store.prune(olderThan: .seconds(86_400), limit: 2) == 1)
            #expect(try await store.list().map(\.action) == ["announced"])
        }
    }
}

/// Runs `body` with a tenant in a migrated control database.
func withTenant(_ body: @concurrent @Sendable (UUID, PostgresConnection) async throws -> Void) async throws {
    try await withMigratedDatabase { database in
        let connection = try await database.connect()
        defer { connection.close() }
        let tenant: UUID = try await connection.query(
            """
            insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
            values ('00D5f000005mc66EAA', 'Acme', 'ann@example.com', 'salesforce00d5f000005mc66eaa')
            returning id
            """
        ).scalar()
        try await body(tenant, connection)
    }
}
