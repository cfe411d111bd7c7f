import Encoding
import Testing

@testable import Cryptography

/// The test cases of RFC 5869 appendix A.
struct HKDFTests {
    @Test func `the basic case agrees`() {
        let key = Secret([UInt8](repeating: 0x0b, count: 22))
        let output = HKDF.sha256(key: key, salt: Array(0...0x0c), info: Array(0xf0...0xf9), count: 42)
        #expect(
            Hex.encode(output.reveal())
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    }

    @Test func `the case without salt and info agrees`() {
        let key = Secret([UInt8](repeating: 0x0b, count: 22))
        let output = HKDF.sha256(key: key, info: [], count: 42)
        #expect(
            Hex.encode(output.reveal())
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
    }
}
