import COpenSSL

/// Compares in constant time: the duration does not depend on the first difference. Lengths are not secret.
package func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    unsafe a.withUnsafeBytes { first in
        unsafe b.withUnsafeBytes { second in unsafe equalInConstantTime(first, second) }
    }
}

/// The same for the UTF-8 bytes of two texts.
package func constantTimeEquals(_ a: String, _ b: String) -> Bool {
    constantTimeEquals(Array(a.utf8), Array(b.utf8))
}

func equalInConstantTime(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count else { return false }
    guard a.count > 0 else { return true }
    return unsafe CRYPTO_memcmp(a.baseAddress, b.baseAddress, a.count) == 0
}
