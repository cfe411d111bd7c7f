import Cryptography
import Foundation
import Postgres
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct ConsentStoreTests {
    private let state = Digest.sha256("state")
    private let browser = Digest.sha256("browser")

    private func begun(
        _ tenancy: Tenancy, _ body: @Sendable (PostgresConnection, ConsentStore) async throws -> Void
    ) async throws {
        try await tenancy.pool.withConnection { connection in
            let store = ConsentStore(on: connection)
            try await store.insert(
                stateHash: state, browserHash: browser,
                .init(
                    organization: nil, verifier: [1, 2], loginURL: "https://login.salesforce.com",
                    returnTarget: nil))
            try await body(connection, store)
        }
    }

    @Test func `a state is good once`() async throws {
        try await Tenancy.run { tenancy in
            try await begun(tenancy) { _, store in
                let taken = try await store.take(stateHash: state, browserHash: browser)
                #expect(taken.verifier == [1, 2] && taken.loginURL == "https://login.salesforce.com")
                await #expect(throws: ConsentRefusal.usedState) {
                    try await store.take(stateHash: state, browserHash: browser)
                }
            }
        }
    }

    @Test func `a forged state is unknown`() async throws {
        try await Tenancy.run { tenancy in
            try await begun(tenancy) { _, store in
                await #expect(throws: ConsentRefusal.unknownState) {
                    try await store.take(stateHash: Digest.sha256("forged"), browserHash: browser)
                }
            }
        }
    }

    @Test func `another browser can neither use a state nor use it up`() async throws {
        try await Tenancy.run { tenancy in
            try await begun(tenancy) { _, store in
                await #expect(throws: ConsentRefusal.otherBrowser) {
                    try await store.take(stateHash: state, browserHash: Digest.sha256("other"))
                }
                _ = try await store.take(stateHash: state, browserHash: browser)
            }
        }
    }

    @Test func `a state expires and is later removed`() async throws {
        try await Tenancy.run { tenancy in
            try await begun(tenancy) { connection, store in
                _ = try await connection.execute(
                    "update multiconnect.consents set expires_at = now() - interval '1 second'")
                try await store.prune()
                await #expect(throws: ConsentRefusal.expiredState) {
                    try await store.take(stateHash: state, browserHash: browser)
                }
                _ = try await connection.execute(
                    "update multiconnect.consents set expires_at = now() - interval '2 days'")
                try await store.prune()
                await #expect(throws: ConsentRefusal.unknownState) {
                    try await store.take(stateHash: state, browserHash: browser)
                }
            }
        }
    }
}
