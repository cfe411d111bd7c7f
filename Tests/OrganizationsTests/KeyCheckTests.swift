import Cryptography
import Foundation
import Postgres
import Support
import Testing

@testable import Organizations

@Suite(.tags(.store))
struct KeyCheckTests {
    private let old: SecretKey
    private let new: SecretKey
    private let columns = SealedColumn.organizations

    init() throws {
        old = try SecretKey.generate()
        new = try SecretKey.generate()
    }

    private func refuses(_ keys: KeyRing, stored: [SecretKey], credentials: [SecretKey] = []) -> Bool {
        let verdict = KeyCheck.verdict(
            keys, stored: Dictionary(uniqueKeysWithValues: stored.map { ($0.id.text, $0.checkValue) }),
            uses: credentials.map { KeyCheck.Use(kind: "webhooks", keyID: $0.id.text, count: 1) })
        if case .refuse(let message) = verdict { return message.contains("SECRET") }
        return false
    }

    @Test func `the key of the first start is required from then on`() {
        #expect(!refuses(KeyRing(current: old), stored: []))
        #expect(!refuses(KeyRing(current: old), stored: [old], credentials: [old]))
        #expect(refuses(KeyRing(current: new), stored: [old]))
        #expect(refuses(KeyRing(current: new), stored: [old], credentials: [old]))
        #expect(refuses(KeyRing(current: new), stored: [], credentials: [old]))
    }

    @Test func `a new key is accepted together with the previous one`() {
        let ring = KeyRing(current: new, previous: [old])
        #expect(!refuses(ring, stored: [old], credentials: [old]))
        #expect(!refuses(ring, stored: [old, new], credentials: [old, new]))
        #expect(!refuses(KeyRing(current: new), stored: [old, new], credentials: [new]))
        #expect(refuses(KeyRing(current: new), stored: [old, new], credentials: [old, new]))
    }

    @Test func `an error at start names the variable with the wrong key`() async throws {
        try await Tenancy.run { tenancy in
            try await tenancy.pool.withConnection { connection in
                try await KeyCheck.verify(KeyRing(current: old), columns: columns, on: connection)
                try await KeyCheck.verify(KeyRing(current: old), columns: columns, on: connection)
                await #expect(throws: OrganizationsError.self) {
                    try await KeyCheck.verify(KeyRing(current: new), columns: columns, on: connection)
                }
                try await KeyCheck.verify(
                    KeyRing(current: new, previous: [old]), columns: columns, on: connection)
                try await KeyCheck.verify(KeyRing(current: new), columns: columns, on: connection)
            }
        }
    }

    @Test func `two first starts with different keys do not both succeed`() async throws {
        try await Tenancy.run { tenancy in
            for _ in 0..<10 {
                let started = await withTaskGroup(of: Bool.self) { group in
                    for key in [old, new] {
                        group.addTask {
                            do {
                                try await tenancy.pool.withConnection {
                                    try await KeyCheck.verify(KeyRing(current: key), columns: columns, on: $0)
                                }
                                return true
                            } catch {
                                return false
                            }
                        }
                    }
                    return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(started == 1)
                try await tenancy.pool.execute("delete from multiconnect.key_checks")
            }
        }
    }
}
