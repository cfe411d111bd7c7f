package import Cryptography
import Encoding
package import FoundationEssentials

/// A token with which a program calls the API. The token's text is shown once, and only its hash is stored.
package struct APIToken: Sendable, Equatable {
    /// The calls that a token allows.
    package enum Scope: String, Sendable, Hashable {
        case read
        case write
    }

    package let id: UUID
    /// Given by the operator, for lists and the audit.
    package let name: String
    package let scope: Scope
    /// The tenants that it opens. Nil: all.
    package let organizations: Set<UUID>?
    package let createdBy: String
    package let createdAt: Date
    /// Nil: it does not expire.
    package let expiresAt: Date?
    /// To the minute. Nil: never.
    package let lastUsedAt: Date?
    package let revokedAt: Date?

    /// Whether it is accepted at a time.
    package func isValid(at now: Date) -> Bool {
        revokedAt == nil && expiresAt.map { now < $0 } != false
    }

    /// The operator's name in activity rows.
    package var actor: String { "token \(name)" }

    /// The beginning of a token's text, by which scanners of source code find leaked ones.
    package static let prefix = "mct_"
    private static let secretBytes = 32

    /// Characters of a token's name.
    package static let nameLength = 1...100
    /// Days until a token expires.
    package static let lifetime = 1...3650

    /// A new token's text, and its hash.
    package static func make() throws -> (text: Secret, hash: [UInt8]) {
        let text = prefix + Base64.encode(try randomBytes(secretBytes), .url)
        return (Secret(Array(text.utf8)), Digest.sha256(text))
    }

    /// The hash that is stored. Nil for a text that is no token.
    package static func hash(of text: String) -> [UInt8]? {
        guard text.hasPrefix(prefix), text.utf8.count <= 100 else { return nil }
        return Digest.sha256(text)
    }
}
