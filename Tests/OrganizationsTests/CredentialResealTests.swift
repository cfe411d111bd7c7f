import Cryptography
import Foundation
import Logging
import OrgSimulator
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

extension [CredentialReseal.Report] {
    /// The number of resealed values.
    fileprivate var resealed: Int { map(\.resealed).reduce(0, +) }
}

@Suite(.tags(.store))
struct CredentialResealTests {
    private func ring(_ keys: [SecretKey]) -> KeyRing {
        KeyRing(current: keys[0], previous: Array(keys.dropFirst()))
    }

    /// A tenant with tokens that the tenancy's key sealed.
    private func stored(_ id: String, _ tenancy: Tenancy) async throws -> Organization {
        let organization = try await tenancy.organization(id)
        try await tenancy.pool.withConnection { connection in
            try await CredentialStore(on: connection).replace(
                organization.id, with: tenancy.grant(organization), loginURL: "https://login.salesforce.com",
                identity: #"{"user_id":"x"}"#)
        }
        return organization
    }

    private func reseal(_ tenancy: Tenancy, _ ring: KeyRing) -> CredentialReseal {
        CredentialReseal(pool: tenancy.pool, keys: ring, columns: SealedColumn.organizations)
    }

    private func starts(_ ring: KeyRing, _ tenancy: Tenancy) async throws -> Bool {
        do {
            try await tenancy.pool.withConnection {
                try await KeyCheck.verify(ring, columns: SealedColumn.organizations, on: $0)
            }
            return true
        } catch let error as OrganizationsError where error.code == .wrongSecret {
            return false
        }
    }

    @Test func `one rotation of SECRET after another finishes`() async throws {
        try await Tenancy.run { tenancy in
            let first = tenancy.keys.current
            let (second, third) = (try SecretKey.generate(), try SecretKey.generate())
            let organization = try await stored("00D090000083B1p", tenancy)
            _ = try await stored("00D090000083b1P", tenancy)
            #expect(try await starts(ring([first]), tenancy))
            for keys in [[second, first], [third, second]] {
                #expect(try await starts(ring(keys), tenancy))
                #expect(try await !starts(ring([keys[0]]), tenancy))
                let run = reseal(tenancy, ring(keys))
                #expect(try await run.run().resealed == 4)
                #expect(try await run.run().resealed == 0)
                #expect(try await starts(ring([keys[0]]), tenancy))
                _ = try await reseal(tenancy, ring([keys[0]])).run()
                #expect(try await !starts(ring([keys[1]]), tenancy))
            }
            let grant = try #require(
                try await tenancy.pool.withConnection {
                    try await CredentialStore(on: $0).find(organization.id)
                })
            let context = StoredGrant.Purpose.refreshToken.context(organization.organizationID)
            #expect(try ring([third]).open(grant.refreshToken, context: context).revealText() == "refresh")
            #expect(grant.version == 1)
        }
    }

    @Test func `a second rotation may begin before the first has ended`() async throws {
        try await Tenancy.run { tenancy in
            let keys = [try SecretKey.generate(), try SecretKey.generate(), tenancy.keys.current]
            _ = try await stored("00D090000083B1p", tenancy)
            #expect(try await starts(ring([keys[2]]), tenancy))
            #expect(try await starts(ring([keys[1], keys[2]]), tenancy))
            #expect(try await starts(ring(keys), tenancy))
            #expect(try await reseal(tenancy, ring(keys)).run().resealed == 2)
            #expect(try await starts(ring([keys[0]]), tenancy))
        }
    }

    @Test func `a revoked grant does not block a rotation, and the key of an unreadable token is named`()
        async throws
    {
        try await Tenancy.run { tenancy in
            let organization = try await stored("00D090000083B1p", tenancy)
            let lost = try SecretKey.generate()
            try await tenancy.pool.execute(
                "update multiconnect.credentials set key_id = \(lost.id.text), sealed = overlay(sealed placing decode(\(lost.id.text), 'hex') from 2)"
            )
            let run = reseal(tenancy, tenancy.keys)
            let report = try await run.run()
            #expect(report.resealed == 0)
            #expect(report.map(\.unreadable) == [[lost.id.text: 2], [:], [:], [:], [:]])
            #expect(try await !starts(tenancy.keys, tenancy))
            try await tenancy.pool.execute(
                "update multiconnect.credentials set revoked_at = now() where organization_id = \(organization.id)"
            )
            #expect(try await starts(tenancy.keys, tenancy))
            #expect(try await run.run().resealed == 2)
        }
    }

    @Test func `the login of a tenant's reader survives a rotation`() async throws {
        try await Tenancy.run { tenancy in
            let organization = try await stored("00D090000083B1p", tenancy)
            try await tenancy.pool.withConnection {
                try await ReaderLoginStore(on: $0).set(
                    ReaderLogin(role: "reader", password: Secret(text: "open sesame")), of: organization,
                    keys: tenancy.keys)
            }
            let next = try SecretKey.generate()
            let rotating = ring([next, tenancy.keys.current])
            #expect(try await starts(rotating, tenancy))
            #expect(try await reseal(tenancy, rotating).run().resealed == 3)
            #expect(try await starts(ring([next]), tenancy))
            let login = try await tenancy.pool.withConnection {
                try await ReaderLoginStore(on: $0).find(organization, keys: ring([next]))
            }
            #expect(login?.role == "reader" && login?.password.revealText() == "open sesame")
        }
    }

    @Test func `sessions and open logins of end users are resealed`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let (pool, keys) = (world.tenancy.pool, world.tenancy.keys)
            let hash = [UInt8](repeating: 7, count: 32)
            let session = EndUserLogin.tokenContext(organization.organizationID)
            let login = EndUserLogin.verifierContext(hash)
            let token = try keys.seal(Secret(text: "token"), context: session)
            let verifier = try keys.seal(Secret(text: "verifier"), context: login)
            try await pool.withConnection { connection in
                _ = try await connection.execute(
                    """
                    insert into multiconnect.end_user_sessions (token_hash, organization_id, user_id, username,
                      access_token, instance_url, expires_at)
                    values (\(hash), \(organization.id), '005000000000001AAA', 'ann@acme.example',
                      \(token.bytes), 'https://acme.my.salesforce.com', now() + interval '1 hour')
                    """)
                try await EndUserLoginStore(on: connection).insert(
                    stateHash: hash, browserHash: hash,
                    .init(
                        verifier: verifier.bytes, loginURL: "https://login.salesforce.com",
                        purpose: .session, returnPath: "/"))
            }
            let next = try SecretKey.generate()
            let rotating = KeyRing(current: next, previous: [keys.current])
            let run = reseal(world.tenancy, rotating)
            // Two tokens of the grant, the session and the login.
            #expect(try await run.run().resealed == 4)
            #expect(try await run.run().resealed == 0)
            let only = KeyRing(current: next)
            let stored: [UInt8] = try await pool.query(
                "select access_token from multiconnect.end_user_sessions"
            ).scalar()
            #expect(try only.open(stored, context: session).revealText() == "token")
            let kept: [UInt8] = try await pool.query(
                "select verifier from multiconnect.end_user_logins"
            ).scalar()
            #expect(try only.open(kept, context: login).revealText() == "verifier")
        }
    }

    @Test func `an open consent survives a rotation`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try world.organizationID(1)
            _ = try await OrganizationRegistration(pool: world.tenancy.pool, queue: world.tenancy.queue)
                .register(world.tenancy.request(organization.text))
            let start = try await world.consent().begin(
                organization: organization, environment: nil, cookie: nil)
            let callback = try await world.authorize(start, as: world.orgs[0].usernames[0])
            let next = try SecretKey.generate()
            let rotating = KeyRing(current: next, previous: [world.tenancy.keys.current])
            #expect(try await reseal(world.tenancy, rotating).run().resealed == 1)
            let consent = Consent(
                pool: world.tenancy.pool, queue: world.tenancy.queue, keys: KeyRing(current: next),
                oauth: world.oauth, http: world.http, writes: .planned, logger: .init(label: "test"))
            #expect(
                try await consent.finish(callback, cookie: start.cookie).organization.status == .authorized)
        }
    }
}
