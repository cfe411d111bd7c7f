import Cryptography
import Encoding

/// The key of the examples of Standard Webhooks.
enum Base64Key {
    static let example = Base64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

/// The keys that seal webhooks in tests.
enum FeedKeys {
    static let ring: KeyRing = {
        do {
            return KeyRing(current: try SecretKey(bytes: [UInt8](0..<32)))
        } catch {
            preconditionFailure("\(error)")
        }
    }()
}
