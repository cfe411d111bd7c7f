package import Cryptography
internal import Encoding
package import FoundationEssentials

/// A receiver of events, as it is listed. It has no secrets.
package struct Webhook: Sendable, Equatable {
    package var id: UUID
    package var name: String
    /// The host of its URL. Nil: events are read as a stream only.
    package var host: String?
    package var filter: FeedFilter
    package var cursor: FeedCursor
    package var createdAt: Date
}

/// The URL of a webhook and the secret that signs its requests. Neither is printed.
package struct FeedTarget: Sendable {
    package let url: Secret
    let key: Secret

    /// The secret as the receiver gets it (Standard Webhooks).
    static let prefix = "whsec_"

    /// A target with a random key.
    package init(url: String) throws(CryptographyError) {
        self.init(url: url, key: try randomBytes(FeedLimits.secretBytes))
    }

    init(url: String, key: [UInt8]) {
        self.url = Secret(text: url)
        self.key = Secret(key)
    }

    /// `whsec_` and the key in base64: shown once.
    package var secret: String { Self.prefix + Base64.encode(key.reveal()) }

    /// The URL's host. Nil unless the URL may be a webhook: https (http only if private addresses are
    /// allowed), with a host, without user and fragment.
    package static func host(of text: String, allowsPrivate: Bool) -> String? {
        guard text.utf8.count <= FeedLimits.urlBytes, text.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            let url = URL(string: text), let host = url.host(), !host.isEmpty, url.user() == nil,
            url.password() == nil, url.fragment() == nil,
            url.scheme == "https" || (allowsPrivate && url.scheme == "http")
        else { return nil }
        return host
    }

    /// The bytes to seal.
    package var plain: [UInt8] {
        JSONText.object([
            ("url", .string(url.revealText() ?? "")), ("key", .string(Base64.encode(key.reveal()))),
        ]).encoded
    }

    /// Reads opened bytes.
    package init(plain: Secret) throws(FeedsError) {
        guard let value = try? JSONValue(parsing: plain.reveal()), let url = value["url"]?.string,
            let key = value["key"]?.string.flatMap({ Base64.decode($0) })
        else { throw FeedsError(.malformedRow, "the target of a webhook cannot be read") }
        self.init(url: url, key: key)
    }

    static func context(_ webhook: UUID) -> SealContext {
        SealContext(organizationID: "webhook " + webhook.uuidString.lowercased(), purpose: "webhook target")
    }
}

/// The token with which an app reads a stream and publishes events. Only its hash is stored.
package struct FeedToken: Sendable {
    static let prefix = "mcf_"
    package let text: String

    /// A random token.
    init() throws(CryptographyError) {
        text = Self.prefix + Base64.encode(try randomBytes(FeedLimits.tokenBytes), .url)
    }

    var hash: [UInt8] { Self.hash(text) }

    static func hash(_ text: String) -> [UInt8] { Digest.sha256(text) }
}
