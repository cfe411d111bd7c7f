/// The key that seals, and previous keys that open values until they are resealed.
package struct KeyRing: Sendable {
    package let current: SecretKey
    package let previous: [SecretKey]

    package init(current: SecretKey, previous: [SecretKey] = []) {
        self.current = current
        self.previous = previous.filter { $0.id != current.id }
    }

    /// The current key first.
    package var all: [SecretKey] { [current] + previous }

    /// Encrypts with the current key (AES-256-GCM, random nonce) and binds the result to its context.
    ///
    /// The AES key is derived from the ring's key and the purpose. Random nonces of 96 bits allow 2^32 values
    /// per purpose and key (NIST SP 800-38D section 8.3). Throws `.tooLarge`, `.library`.
    package func seal(_ plaintext: [UInt8], context: SealContext) throws(CryptographyError) -> Sealed {
        let nonce = try randomBytes(AES256GCM.nonceCount)
        let sealed = try AES256GCM.seal(
            plaintext, key: Self.sealingKey(current, context), nonce: nonce,
            associatedData: Sealed.header(current.id) + context.bytes)
        return Sealed(keyID: current.id, nonce: nonce, ciphertextAndTag: sealed)
    }

    /// Seals a secret without revealing it to the caller.
    package func seal(_ secret: Secret, context: SealContext) throws(CryptographyError) -> Sealed {
        try seal(secret.reveal(), context: context)
    }

    /// Decrypts with the key of the ring that sealed the value.
    ///
    /// Throws `.unknownKey` if no key of the ring sealed it, and `.authenticationFailed` if bytes or context
    /// differ.
    package func open(_ sealed: Sealed, context: SealContext) throws(CryptographyError) -> Secret {
        guard let key = key(sealed.keyID) else {
            throw CryptographyError(.unknownKey, "open bytes sealed with key \(sealed.keyID)")
        }
        return Secret(
            try AES256GCM.open(
                sealed.ciphertextAndTag, key: Self.sealingKey(key, context), nonce: sealed.nonce,
                associatedData: sealed.header + context.bytes))
    }

    /// Parses stored bytes and opens them.
    package func open(_ bytes: [UInt8], context: SealContext) throws(CryptographyError) -> Secret {
        try open(Sealed(bytes: bytes), context: context)
    }

    /// Whether a value should be resealed, because a previous key sealed it.
    package func isOutdated(_ sealed: Sealed) -> Bool { sealed.keyID != current.id }

    private func key(_ id: KeyID) -> SecretKey? {
        all.first { $0.id == id }
    }

    private static func sealingKey(_ key: SecretKey, _ context: SealContext) -> Secret {
        key.derive(for: "seal/\(context.purpose)")
    }
}
