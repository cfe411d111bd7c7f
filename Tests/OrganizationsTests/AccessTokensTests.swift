import Activity
import Cryptography
import Foundation
import OrgSimulator
import Postgres
import Reactor
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct AccessTokensTests {
    @Test func `an expired token is refreshed within the call`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.fault(#"{"kind":"expire_access_tokens"}"#)
            _ = try await world.sessions.rest(for: organization.id).describe("Account")
            #expect(try await world.tokens.token(for: organization.id, refused: nil).version == 2)
            #expect(try await world.calls(.refresh) == 1)
        }
    }

    @Test func `many callers with one stale token make one refresh`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"rotation","on":true}"#)
            try await world.fault(#"{"kind":"delay","path":"/services/oauth2/token","milliseconds":300}"#)
            let tokens = world.tokens
            let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await tokens.token(for: organization.id, refused: stale).version }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(versions == [2])
            #expect(try await world.calls(.refresh) == 1)
        }
    }

    @Test func `a rotated token is stored, so the next refresh works too`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.fault(#"{"kind":"rotation","on":true}"#)
            for version in 2...4 {
                try await world.fault(#"{"kind":"expire_access_tokens"}"#)
                _ = try await world.sessions.rest(for: organization.id).describe("Account")
                #expect(
                    try await world.tokens.token(for: organization.id, refused: nil).version == Int64(version)
                )
            }
            #expect(try await world.find(organization).status == .authorized)
        }
    }

    @Test func `a refresh continues when its caller is cancelled`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"rotation","on":true}"#)
            try await world.fault(#"{"kind":"delay","path":"/services/oauth2/token","milliseconds":200}"#)
            let tokens = world.tokens
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await tokens.token(for: organization.id, refused: stale) }
                // The lease shows that the refresh is running.
                while !Task.isCancelled {
                    let rows = try? await world.tenancy.pool.query(
                        "select count(refresh_lease) from multiconnect.credentials")
                    if (try? rows?.scalar(as: Int.self)) == 1 { break }
                }
                group.cancelAll()
            }
            #expect(try await world.tokens.token(for: organization.id, refused: nil).version == 2)
        }
    }

    @Test func `a revoked grant stops the tenant's sync and mails the admin`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            let rest = world.sessions.rest(for: organization.id)
            for _ in 0..<2 {
                await #expect(throws: OrganizationsError.self) { try await rest.describe("Account") }
            }
            let after = try await world.find(organization)
            #expect(after.status == .unauthorized && after.connectionState == .unauthorized)
            #expect(after.statusDetail?.contains("invalid_grant") == true)
            let jobs = try await world.tenancy.jobs()
            #expect(jobs.filter { $0.contains(#""unauthorized""#) }.count == 1)
            try await world.tenancy.pool.withConnection { connection in
                let open = try await NotificationStore(on: connection).open(organization: organization.id)
                #expect(open.map(\.eventType) == ["unauthorized"])
            }
            #expect(try await world.calls(.refresh) == 0)
        }
    }

    @Test func `a new consent revives a tenant that lost its grant`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            try await world.fault(#"{"kind":"revoke_refresh_tokens"}"#)
            await #expect(throws: OrganizationsError.self) {
                try await world.sessions.rest(for: organization.id).describe("Account")
            }
            let again = try await world.consented()
            #expect(again.status == .authorized)
            _ = try await world.sessions.rest(for: organization.id).describe("Account")
        }
    }

    @Test func `the admin is mailed at once when a rotated token is lost with a broken answer`() async throws
    {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"rotation","on":true}"#)
            try await world.fault(#"{"kind":"drop","path":"/services/oauth2/token","bytes":20}"#)
            await #expect(throws: OrganizationsError.self) {
                try await world.tokens.token(for: organization.id, refused: stale)
            }
            let after = try await world.find(organization)
            #expect(after.status == .unauthorized && after.statusDetail?.contains("lost") == true)
            #expect(try await world.tenancy.jobs().contains { $0.contains(#""lost_token""#) })
        }
    }

    @Test func `without rotation a refresh is repeated after a broken answer`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"drop","path":"/services/oauth2/token","bytes":20}"#)
            #expect(try await world.tokens.token(for: organization.id, refused: stale).version == 2)
        }
    }

    @Test func `an outage of Salesforce does not change the grant`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"fail","path":"/services/oauth2/token","status":503,"count":2}"#)
            await #expect(throws: SalesforceError.self) {
                try await world.tokens.token(for: organization.id, refused: stale)
            }
            #expect(try await world.find(organization).status == .authorized)
            #expect(try await world.tokens.token(for: organization.id, refused: stale).version == 2)
        }
    }

    private func refusal(_ text: String, code: String = "invalid_grant", count: Int = 1) -> String {
        #"{"kind":"fail","path":"/services/oauth2/token","status":400,"code":"\#(code)","message":"\#(text)","count":\#(count)}"#
    }

    @Test(arguments: ["token request is already being processed", "expired authorization code"])
    func `a refresh that overlaps another is sent again after a pause`(text: String) async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(refusal(text))
            #expect(try await world.tokens.token(for: organization.id, refused: stale).version == 2)
            #expect(try await world.find(organization).status == .authorized)
        }
    }

    @Test(arguments: [
        "token request is already being processed", "ip restricted", "login rate exceeded",
        "a text that nobody knows", "",
    ])
    func `an ambiguous refusal does not end the grant`(text: String) async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(refusal(text, count: 2))
            await #expect { try await world.tokens.token(for: organization.id, refused: stale) } throws: {
                ($0 as? OrganizationsError)?.code == .refreshRefused
            }
            #expect(try await world.find(organization).status == .authorized)
            try await world.fault(#"{"kind":"clear"}"#)
            #expect(try await world.tokens.token(for: organization.id, refused: stale).version == 2)
        }
    }

    @Test(arguments: [("inactive user", "invalid_grant"), ("whatever", "inactive_org")])
    func `an inactive user or org ends the grant`(text: String, code: String) async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(refusal(text, code: code))
            await #expect(throws: OrganizationsError.self) {
                try await world.tokens.token(for: organization.id, refused: stale)
            }
            let after = try await world.find(organization)
            #expect(after.status == .unauthorized && after.statusDetail?.contains(code) == true)
        }
    }

    @Test func `operators are notified once of refusals that last a day, until a refresh succeeds`()
        async throws
    {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            @Sendable func open() async throws -> [String] {
                try await world.tenancy.pool.withConnection {
                    try await NotificationStore(on: $0).open().map(\.message)
                }
            }
            @Sendable func refuse() async throws {
                try await world.fault(refusal("odd text"))
                await #expect(throws: OrganizationsError.self) {
                    try await world.tokens.token(for: organization.id, refused: stale)
                }
            }
            try await refuse()
            #expect(try await open().isEmpty)
            try await world.tenancy.pool.execute(
                "update multiconnect.credentials set refresh_refused_since = now() - interval '24 hours'")
            try await refuse()
            try await refuse()
            let messages = try await open()
            #expect(messages.count == 1 && messages.allSatisfy { $0.contains("odd text") })
            #expect(try await world.find(organization).status == .authorized)
            _ = try await world.tokens.token(for: organization.id, refused: stale)
            #expect(try await open().isEmpty)
        }
    }

    @Test func `a refresh is not sent again once another process has stored a newer token`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            let newer = try world.tenancy.grant(
                organization, access: "newer", refresh: nil, instance: world.origin)
            let tokens = AccessTokens(
                pool: world.tenancy.pool, queue: world.tenancy.queue, keys: world.tenancy.keys,
                oauth: world.oauth, executor: EventLoop.current
            ) {
                // The other process stores a newer token while this one waits.
                _ = try await world.tenancy.pool.withConnection { connection in
                    try await CredentialStore(on: connection).refresh(
                        organization.id, version: 1, with: newer)
                }
            }
            try await world.fault(refusal("token request is already being processed"))
            let token = try await tokens.token(for: organization.id, refused: stale)
            #expect(token.version == 2 && token.value.revealText() == "newer")
            #expect(try await world.calls(.refresh) == 0)
        }
    }

    @Test func `after a refusal the tenant's other jobs send no refresh for a while`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            let tokens = AccessTokens(
                pool: world.tenancy.pool, queue: world.tenancy.queue, keys: world.tenancy.keys,
                oauth: world.oauth, executor: EventLoop.current, refusalPause: .seconds(3600))
            try await world.fault(refusal("login rate exceeded"))
            for _ in 0..<2 {
                await #expect { try await tokens.token(for: organization.id, refused: stale) } throws: {
                    ($0 as? OrganizationsError)?.code == .refreshRefused
                }
            }
            #expect(try await world.calls(.refresh) == 0)
            // The stored token still works, and a consent ends the pause.
            #expect(try await tokens.token(for: organization.id, refused: nil).version == 1)
            _ = try await world.consented()
            let consented = try await tokens.token(for: organization.id, refused: nil)
            #expect(try await tokens.token(for: organization.id, refused: consented).version == 3)
        }
    }

    @Test func `a rotated token in an answer without a signature is stored, and the refresh is not repeated`()
        async throws
    {
        try await SimulatedOrgs.run { configuration in
            configuration.rotatesRefreshTokens = true
            configuration.assumptions.refreshesAreSigned = false
        } _: { world in
            let organization = try await world.consented()
            for version in 1...3 {
                let stale = try await world.tokens.token(for: organization.id, refused: nil)
                #expect(stale.version == Int64(version))
                _ = try await world.tokens.token(for: organization.id, refused: stale)
            }
            #expect(try await world.calls(.refresh) == 3)
            #expect(try await world.find(organization).status == .authorized)
        }
    }

    @Test func `after invalid_grant a newer stored token is used`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let stale = try await world.tokens.token(for: organization.id, refused: nil)
            try await world.fault(#"{"kind":"rotation","on":true}"#)
            // Another process has refreshed after this one has read the old version.
            let grant = try #require(
                try await world.tenancy.pool.withConnection {
                    try await CredentialStore(on: $0).find(organization.id)
                })
            _ = try await world.tokens.token(for: organization.id, refused: stale)
            let ended = try await world.tenancy.pool.withConnection { connection in
                try await CredentialStore(on: connection).markRevoked(organization.id, version: grant.version)
            }
            #expect(!ended)
            #expect(try await world.find(organization).status == .authorized)
            #expect(try await world.tokens.token(for: organization.id, refused: stale).version == 2)
        }
    }

    @Test func `a refresh reseals with the current key what the previous key sealed`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.consented()
            let old = world.tenancy.keys.current
            let ring = KeyRing(current: try SecretKey.generate(), previous: [old])
            let tokens = AccessTokens(
                pool: world.tenancy.pool, queue: world.tenancy.queue, keys: ring, oauth: world.oauth,
                executor: EventLoop.current)
            let stale = try await tokens.token(for: organization.id, refused: nil)
            _ = try await tokens.token(for: organization.id, refused: stale)
            let keys = try await world.tenancy.pool.withConnection {
                try await SealedColumnStore(SealedColumn.organizations[0], on: $0).neededKeys()
            }
            #expect(keys == [ring.current.id.text: 2])
            let later = AccessTokens(
                pool: world.tenancy.pool, queue: world.tenancy.queue, keys: KeyRing(current: ring.current),
                oauth: world.oauth, executor: EventLoop.current)
            #expect(try await later.token(for: organization.id, refused: nil).version == 2)
            await #expect(throws: OrganizationsError.self) {
                try await world.tokens.token(for: organization.id, refused: nil)
            }
        }
    }

    @Test func `a tenant that never consented has no token`() async throws {
        try await SimulatedOrgs.run { world in
            let organization = try await world.tenancy.organization()
            await #expect(throws: OrganizationsError.self) {
                try await world.tokens.token(for: organization.id, refused: nil)
            }
        }
    }
}
