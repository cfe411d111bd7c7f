import COpenSSL

/// Owns OpenSSL's key object.
///
// SAFETY: an EVP_PKEY does not change after it was parsed, OpenSSL counts references atomically, and several
// threads may sign and verify with one key (openssl-threads(7)).
@safe final class RSAKey: @unchecked Sendable {
    private let pointer: OpaquePointer

    enum Kind {
        case privateKey
        case publicKey
    }

    init(pem: Secret, _ kind: Kind) throws(CryptographyError) {
        guard pem.count <= CryptographyLimits.pemBytes else {
            throw CryptographyError(.invalidKey, "read a PEM key")
        }
        let parsed = unsafe pem.withBytes { bytes -> OpaquePointer? in
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
                return nil
            }
            defer { unsafe BIO_free(source) }
            // Without a callback, OpenSSL would ask for a passphrase on the terminal.
            switch kind {
            case .privateKey: return unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil)
            case .publicKey: return unsafe PEM_read_bio_PUBKEY(source, nil, { _, _, _, _ in -1 }, nil)
            }
        }
        guard let parsed = unsafe parsed else { throw libraryError("read a PEM key", code: .invalidKey) }
        let bits = Int(unsafe EVP_PKEY_get_bits(parsed))
        let allowed = CryptographyLimits.minimumRSABits...CryptographyLimits.maximumRSABits
        guard unsafe EVP_PKEY_get_base_id(parsed) == EVP_PKEY_RSA, allowed.contains(bits) else {
            unsafe EVP_PKEY_free(parsed)
            throw CryptographyError(.invalidKey, "use a key that is not RSA of 2048 to 8192 bits")
        }
        unsafe pointer = parsed
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let context = unsafe EVP_MD_CTX_new() else { throw libraryError("sign") }
        defer { unsafe EVP_MD_CTX_free(context) }
        var length = Int(unsafe EVP_PKEY_get_size(pointer))
        var signature = [UInt8](repeating: 0, count: length)
        guard unsafe EVP_DigestSignInit(context, nil, EVP_sha256(), nil, pointer) == 1,
            unsafe EVP_DigestSign(context, &signature, &length, message, message.count) == 1
        else { throw libraryError("sign") }
        return Array(signature.prefix(length))
    }

    func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        let valid =
            unsafe EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, pointer) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
        ERR_clear_error()
        return valid
    }

    /// Generates a key pair.
    init(bits: Int) throws(CryptographyError) {
        guard let context = unsafe EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, nil) else {
            throw libraryError("generate a key")
        }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits)) == 1,
            unsafe EVP_PKEY_generate(context, &made) == 1, let made = unsafe made
        else { throw libraryError("generate a key") }
        unsafe pointer = made
    }

    /// The private or public key as PEM (PKCS#8 or SubjectPublicKeyInfo).
    func pem(_ kind: Kind) throws(CryptographyError) -> Secret {
        guard let sink = unsafe BIO_new(BIO_s_mem()) else { throw libraryError("write a PEM key") }
        defer { unsafe BIO_free(sink) }
        let written =
            switch kind {
            case .privateKey: unsafe PEM_write_bio_PrivateKey(sink, pointer, nil, nil, 0, nil, nil)
            case .publicKey: unsafe PEM_write_bio_PUBKEY(sink, pointer)
            }
        var buffer = [UInt8](repeating: 0, count: CryptographyLimits.pemBytes)
        let count = unsafe BIO_read(sink, &buffer, Int32(buffer.count))
        guard written == 1, count > 0 else { throw libraryError("write a PEM key") }
        return Secret(buffer.prefix(Int(count)))
    }
}
