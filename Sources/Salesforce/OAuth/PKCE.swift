package import Cryptography
internal import Encoding

/// Proof Key for Code Exchange (RFC 7636), method S256: only the party that requested a code can exchange it.
package struct PKCE: Sendable {
    /// 43 characters, secret until they are sent with the code.
    package let verifier: Secret
    /// Sent with the authorize request: the verifier's SHA-256 in base64url.
    package let challenge: String

    /// From a stored verifier.
    package init(verifier: Secret) {
        self.verifier = verifier
        challenge = Base64.encode(Digest.sha256(verifier.reveal()), .url)
    }

    /// From 32 random bytes.
    package init(random: [UInt8]) {
        precondition(random.count >= 32, "RFC 7636, section 7.1, asks for 256 bits")
        self.init(verifier: Secret(text: Base64.encode(random, .url)))
    }
}
