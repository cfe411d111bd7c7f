import COpenSSL

/// Authenticated encryption (NIST SP 800-38D) with a 256-bit key, a 96-bit nonce and a 128-bit tag.
enum AES256GCM {
    static let keyCount = 32
    static let nonceCount = 12
    static let tagCount = 16

    /// Returns the ciphertext followed by the tag. A nonce must never be used twice with one key.
    static func seal(
        _ plaintext: [UInt8], key: Secret, nonce: [UInt8], associatedData: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        try check(key: key, nonce: nonce, count: plaintext.count, associatedData.count)
        let context = try Context()
        var output = [UInt8](repeating: 0, count: plaintext.count + tagCount)
        let done = unsafe key.withBytes { key in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe context.encrypt(plaintext, key: key, nonce: nonce, associatedData, into: output)
            }
        }
        guard done else { throw libraryError("seal") }
        return output
    }

    /// Returns the plaintext of ciphertext followed by its tag. Throws `.authenticationFailed`.
    static func open(
        _ sealed: [UInt8], key: Secret, nonce: [UInt8], associatedData: [UInt8]
    ) throws(CryptographyError) -> [UInt8] {
        let count = sealed.count - tagCount
        guard count >= 0 else { throw CryptographyError(.malformedEnvelope, "open") }
        try check(key: key, nonce: nonce, count: count, associatedData.count)
        let context = try Context()
        // One additional byte, so that an empty plaintext has an address too.
        var output = [UInt8](repeating: 0, count: count + 1)
        let done = unsafe key.withBytes { key in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe context.decrypt(sealed, key: key, nonce: nonce, associatedData, into: output)
            }
        }
        guard done else { throw libraryError("open", code: .authenticationFailed) }
        output.removeLast()
        return output
    }

    private static func check(
        key: Secret, nonce: [UInt8], count: Int, _ associatedCount: Int
    ) throws(CryptographyError) {
        precondition(key.count == keyCount && nonce.count == nonceCount, "key and nonce have fixed sizes")
        guard max(count, associatedCount) <= CryptographyLimits.sealedBytes else {
            throw CryptographyError(.tooLarge, "seal or open")
        }
    }

    /// Owns the cipher's state, which contains the expanded key until it is freed (and cleansed).
    @safe private struct Context: ~Copyable {
        private let pointer: OpaquePointer

        init() throws(CryptographyError) {
            guard let pointer = unsafe EVP_CIPHER_CTX_new() else { throw libraryError("create a cipher") }
            unsafe self.pointer = pointer
        }

        deinit { unsafe EVP_CIPHER_CTX_free(pointer) }

        func encrypt(
            _ plaintext: [UInt8], key: UnsafeRawBufferPointer, nonce: [UInt8], _ associatedData: [UInt8],
            into output: UnsafeMutableBufferPointer<UInt8>
        ) -> Bool {
            guard let key = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                let start = output.baseAddress
            else { return false }
            let tag = unsafe start + plaintext.count
            var length: Int32 = 0
            var last: Int32 = 0
            return unsafe EVP_EncryptInit_ex2(pointer, EVP_aes_256_gcm(), key, nonce, nil) == 1
                && EVP_EncryptUpdate(pointer, nil, &length, associatedData, Int32(associatedData.count)) == 1
                && EVP_EncryptUpdate(pointer, start, &length, plaintext, Int32(plaintext.count)) == 1
                && EVP_EncryptFinal_ex(pointer, tag, &last) == 1
                && Int(length) == plaintext.count && last == 0
                && EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_GET_TAG, Int32(tagCount), tag) == 1
        }

        func decrypt(
            _ sealed: [UInt8], key: UnsafeRawBufferPointer, nonce: [UInt8], _ associatedData: [UInt8],
            into output: UnsafeMutableBufferPointer<UInt8>
        ) -> Bool {
            guard let key = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self),
                let start = output.baseAddress
            else { return false }
            let count = sealed.count - tagCount
            var tag = Array(sealed[count...])
            var length: Int32 = 0
            var last: Int32 = 0
            return unsafe EVP_DecryptInit_ex2(pointer, EVP_aes_256_gcm(), key, nonce, nil) == 1
                && EVP_DecryptUpdate(pointer, nil, &length, associatedData, Int32(associatedData.count)) == 1
                && EVP_DecryptUpdate(pointer, start, &length, sealed, Int32(count)) == 1
                && EVP_CIPHER_CTX_ctrl(pointer, EVP_CTRL_AEAD_SET_TAG, Int32(tagCount), &tag) == 1
                && EVP_DecryptFinal_ex(pointer, start + count, &last) == 1
                && Int(length) == count && last == 0
        }
    }
}
