/// The limits of this target.
package enum CryptographyLimits {
    /// Bytes of one sealed value. Tokens and settings are small, and sealing keeps plaintext and ciphertext
    /// in memory.
    package static let sealedBytes = 16 << 20
    /// Bytes of one call for random bytes. Callers need a few dozen.
    package static let randomBytes = 1 << 20
    /// Smaller RSA keys are not considered safe (NIST SP 800-131A).
    package static let minimumRSABits = 2048
    /// Larger RSA keys cost seconds to verify.
    package static let maximumRSABits = 8192
    /// A PEM file of the largest key is about 6.5 KiB.
    package static let pemBytes = 64 << 10
}
