/// The sizes this target accepts.
package enum CryptographyLimits {
    /// Sealing holds plaintext and ciphertext in memory; what is sealed are tokens and settings.
    package static let sealedBytes = 16 << 20
    /// One call for random bytes; nobody here needs more than a few dozen.
    package static let randomBytes = 1 << 20
    /// Below this, RSA is no longer considered safe (NIST SP 800-131A).
    package static let minimumRSABits = 2048
    /// Larger RSA keys cost a verifier seconds.
    package static let maximumRSABits = 8192
    /// A PEM file of the largest key is about 6.5 KiB.
    package static let pemBytes = 64 << 10
}
