import Cryptography
import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct CredentialStoreTests {
    private func stored(
        _ tenancy: Tenancy, _ body: @Sendable (Organization, CredentialStore) async throws -> Void
    ) async throws {
        let organization = try await tenancy.organization()
        try await tenancy.pool.withConnection { connection in
            let store = CredentialStore(on: connection)
            try await store.replace(
                organization.id, with: tenancy.grant(organization), loginURL: "https://login.salesforce.com",
                identity: #"{"user_id":"005000000000000AAA"}"#)
            try await body(organization, store)
        }
    }

    @Test func `a sealed token opens for its own org and purpose only`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                let grant = try #require(try await store.find(organization.id))
                #expect(grant.version == 1 && !grant.isRevoked)
                let context = StoredGrant.Purpose.accessToken.context(organization.organizationID)
                #expect(try tenancy.keys.open(grant.accessToken, context: context).revealText() == "access")
                #expect(throws: CryptographyError.self) {
                    try tenancy.keys.open(grant.refreshToken, context: context)
                }
                let other = StoredGrant.Purpose.accessToken.context(try OrganizationID("00D090000083b1P"))
                #expect(throws: CryptographyError.self) {
                    try tenancy.keys.open(grant.accessToken, context: other)
                }
            }
        }
    }

    @Test func `one process at a time holds the lease`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                let (one, two) = (UUID(), UUID())
                let taken = try await store.takeLease(
                    organization.id, version: 1, lease: one, duration: .seconds(60))
                #expect(taken?.isInDoubt == false)
                #expect(
                    try await store.takeLease(organization.id, version: 1, lease: two, duration: .seconds(60))
                        == nil)
                try await store.releaseLease(organization.id, lease: two, inDoubt: false)
                #expect(
                    try await store.takeLease(organization.id, version: 1, lease: two, duration: .seconds(60))
                        == nil)
                try await store.releaseLease(organization.id, lease: one, inDoubt: false)
                #expect(
                    try await store.takeLease(organization.id, version: 1, lease: two, duration: .seconds(60))
                        != nil)
            }
        }
    }

    @Test func `an expired lease leaves the refresh in doubt`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                _ = try await store.takeLease(
                    organization.id, version: 1, lease: UUID(), duration: .seconds(-1))
                let next = try await store.takeLease(
                    organization.id, version: 1, lease: UUID(), duration: .seconds(60))
                #expect(next?.isInDoubt == true)
                #expect(
                    try await store.refresh(organization.id, version: 1, with: tenancy.grant(organization)))
                let after = try await store.takeLease(
                    organization.id, version: 2, lease: UUID(), duration: .seconds(60))
                #expect(after?.isInDoubt == false)
            }
        }
    }

    @Test func `a refresh of an old version changes nothing`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                let rotated = try tenancy.grant(organization, access: "new", refresh: "rotated")
                #expect(try await store.refresh(organization.id, version: 1, with: rotated))
                #expect(try await store.refresh(organization.id, version: 1, with: rotated) == false)
                #expect(try await store.markRevoked(organization.id, version: 1) == false)
                #expect(try await store.find(organization.id)?.version == 2)
                #expect(try await store.markRevoked(organization.id, version: 2))
                #expect(try await store.find(organization.id)?.isRevoked == true)
                #expect(
                    try await store.takeLease(
                        organization.id, version: 2, lease: UUID(), duration: .seconds(9)) == nil)
            }
        }
    }

    @Test func `a refresh without rotation keeps the refresh token`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                let before = try #require(try await store.find(organization.id))
                let grant = try tenancy.grant(organization, access: "new", refresh: nil)
                #expect(try await store.refresh(organization.id, version: 1, with: grant))
                let after = try #require(try await store.find(organization.id))
                #expect(after.refreshToken == before.refreshToken && after.accessToken != before.accessToken)
            }
        }
    }

    @Test func `the users of ended grants are known for a time`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                let (one, two) = ("005000000000001AAA", "005000000000002AAA")
                for user in [one, two] {
                    try await store.replace(
                        organization.id, with: tenancy.grant(organization),
                        loginURL: "https://login.salesforce.com", identity: #"{"user_id":"\#(user)"}"#)
                }
                let before = Date() - 60
                let both = try await store.users(of: organization.id, since: before)
                #expect(both.map(\.text).prefix(2) == [two, one])
                let now = try await store.users(of: organization.id, since: Date() + 60)
                #expect(now.map(\.text) == [two])
                #expect(try await store.remove(organization.id))
                let former = try await store.users(of: organization.id, since: before)
                #expect(Set(former.map(\.text)).isSuperset(of: [one, two]))
            }
        }
    }

    @Test func `a new consent replaces a revoked grant`() async throws {
        try await Tenancy.run { tenancy in
            try await stored(tenancy) { organization, store in
                #expect(try await store.markRevoked(organization.id, version: 1))
                try await store.replace(
                    organization.id, with: tenancy.grant(organization),
                    loginURL: "https://test.salesforce.com",
                    identity: "{}")
                let grant = try #require(try await store.find(organization.id))
                #expect(
                    !grant.isRevoked && grant.version == 2 && grant.loginURL == "https://test.salesforce.com")
            }
        }
    }
}
