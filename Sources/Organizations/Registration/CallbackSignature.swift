package import Cryptography
internal import Encoding
package import FoundationEssentials

/// Checks that the sender of a registration knows `CALLBACK_SECRET` and has signed it within five minutes.
///
/// `X-Multiconnect-Timestamp` is the time in seconds since 1970. `X-Multiconnect-Signature` is the
/// hexadecimal HMAC-SHA256 of that text, a dot and the raw body.
package struct CallbackSignature: Sendable {
    package static let timestampHeader = "X-Multiconnect-Timestamp"
    package static let signatureHeader = "X-Multiconnect-Signature"

    /// Why a call is refused with 401.
    package enum Refusal: String, Error, Sendable {
        case missing = "the signature or its timestamp is missing"
        case malformed = "the signature or its timestamp is malformed"
        case stale = "the timestamp is more than five minutes from now"
        case wrong = "the signature is wrong"
    }

    private let secret: Secret

    package init(secret: Secret) {
        self.secret = secret
    }

    /// Checks the headers before the body is read. Throws if one is missing or malformed.
    package func checkHeaders(timestamp: String?, signature: String?) throws(Refusal) {
        _ = try Self.read(timestamp, signature)
    }

    private static func read(
        _ timestamp: String?, _ signature: String?
    ) throws(Refusal) -> (timestamp: String, seconds: Double, code: [UInt8]) {
        guard let timestamp, let signature else { throw .missing }
        guard (1...12).contains(timestamp.utf8.count),
            timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let seconds = Double(timestamp), let code = Hex.decode(signature)
        else { throw .malformed }
        return (timestamp, seconds, code)
    }

    /// Throws unless both headers are present, the signature fits the body, and the time is near `now`.
    package func verify(
        timestamp: String?, signature: String?, body: [UInt8], now: Date
    ) throws(Refusal) {
        let (timestamp, seconds, code) = try Self.read(timestamp, signature)
        // The signature is checked first, so that a caller without the secret learns nothing about our clock.
        let message = Array(timestamp.utf8) + [UInt8(ascii: ".")] + body
        guard HMAC.isValid(code: code, key: secret, message: message) else { throw .wrong }
        let distance = abs(now.timeIntervalSince1970 - seconds)
        guard distance <= OrganizationsLimits.callbackWindow.timeInterval else { throw .stale }
    }
}
