import COpenSSL

/// Unpredictable bytes from OpenSSL's generator, which the kernel seeds.
///
/// Throws `.library` if the generator has no entropy, and `.tooLarge` above `CryptographyLimits.randomBytes`.
package func randomBytes(_ count: Int) throws(CryptographyError) -> [UInt8] {
    precondition(count >= 0, "a count of bytes is not negative")
    guard count <= CryptographyLimits.randomBytes else {
        throw CryptographyError(.tooLarge, "generate random bytes")
    }
    guard count > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: count)
    guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else {
        throw libraryError("generate random bytes")
    }
    return bytes
}
