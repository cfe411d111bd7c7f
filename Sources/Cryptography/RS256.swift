/// RSASSA-PKCS1-v1_5 with SHA-256, JWT's `RS256` (RFC 7518 section 3.3).
package enum RS256 {
    /// Signs, for the JWT bearer flow.
    package struct PrivateKey: Sendable {
        private let key: RSAKey

        /// Reads an unencrypted PKCS#1 or PKCS#8 PEM key of at least 2048 bits. Throws `.invalidKey`.
        package init(pem: Secret) throws(CryptographyError) {
            key = try RSAKey(pem: pem, .privateKey)
        }

        package func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
            try key.sign(message)
        }

        /// A new key pair as a private PEM key. It takes up to a second: do not call it on an event loop.
        package static func generatePEM(bits: Int = CryptographyLimits.minimumRSABits)
            throws(CryptographyError) -> Secret
        {
            try RSAKey(bits: bits).pem(.privateKey)
        }

        /// The public key in the format of `PublicKey`.
        package func publicPEM() throws(CryptographyError) -> String {
            let pem = try key.pem(.publicKey)
            return String(decoding: pem.reveal(), as: UTF8.self)
        }
    }

    /// Verifies.
    package struct PublicKey: Sendable {
        private let key: RSAKey

        /// Reads a SubjectPublicKeyInfo PEM key ("BEGIN PUBLIC KEY"). Throws `.invalidKey`.
        package init(pem: String) throws(CryptographyError) {
            key = try RSAKey(pem: Secret(text: pem), .publicKey)
        }

        package func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
            key.isValid(signature: signature, for: message)
        }
    }
}
