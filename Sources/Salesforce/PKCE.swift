package import Cryptography
internal import Encoding

/// Proof Key for Code Exchange (RFC 7636), method S256: who redeems the code is who asked for it.
package struct PKCE: Sendable {
    /// Sent with the code, and until then known only to us: 43 characters.
    package let verifier: Secret
    /// Sent with the authorize request: the verifier's SHA-256 in base64url.
    package let challenge: String

    /// From a verifier that was kept.
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
