import Cryptography
import Foundation
import Jobs
import Logging
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

/// A migrated control database, and functions that create the data of tests.
struct Tenancy: Sendable {
    let database: TestDatabase
    let pool: PostgresPool
    let keys: KeyRing
    let queue: JobQueue

    static func run<R: Sendable>(_ body: @concurrent @Sendable (Tenancy) async throws -> R) async throws -> R
    {
        try await withMigratedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            return try await body(
                Tenancy(
                    database: database, pool: pool, keys: KeyRing(current: try SecretKey.generate()),
                    queue: JobQueue(pool: pool, logger: Logger(label: "test"))))
        }
    }

    func request(
        _ id: String = "00D090000083B1p", name: String = "Acme", email: String = "ann@example.com",
        environment: OrgEnvironment? = nil
    ) throws -> RegistrationRequest {
        RegistrationRequest(
            organization: try OrganizationID(id), name: try #require(OrganizationName(name)),
            adminEmail: try #require(EmailAddress(email)), environment: environment)
    }

    /// A tenant without a job.
    func organization(_ id: String = "00D090000083B1p") async throws -> Organization {
        try await pool.withConnection { connection in
            let store = OrganizationStore(on: connection)
            _ = try await RegistrationStore(on: connection).insert(request(id), cell: "default")
            return try #require(try await store.find(OrganizationID(id)))
        }
    }

    /// Class and arguments of all jobs, the oldest first.
    func jobs() async throws -> [String] {
        try await pool.query(
            "select class || ' ' || args as job from multiconnect.jobs order by created_at, id"
        )
        .map { try $0["job", as: String.self] }
    }

    /// Sealed tokens.
    func grant(
        _ organization: Organization, access: String = "access", refresh: String? = "refresh",
        instance: String = "https://acme.my.salesforce.com"
    ) throws -> SealedGrant {
        let id = organization.organizationID
        return SealedGrant(
            accessToken: try keys.seal(
                Secret(text: access), context: StoredGrant.Purpose.accessToken.context(id)),
            refreshToken: try refresh.map {
                try keys.seal(Secret(text: $0), context: StoredGrant.Purpose.refreshToken.context(id))
            }, instanceURL: instance)
    }
}
