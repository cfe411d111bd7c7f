import Encoding
import Testing

@testable import Cryptography

/// The test cases of RFC 4231 section 4.
struct HMACTests {
    struct Case: Sendable {
        let key: [UInt8]
        let message: [UInt8]
        let code: String
    }

    static let cases = [
        Case(
            key: [UInt8](repeating: 0x0b, count: 20), message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Case(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Case(
            key: [UInt8](repeating: 0xaa, count: 20), message: [UInt8](repeating: 0xdd, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Case(
            key: [UInt8](repeating: 0xaa, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ]

    @Test(arguments: cases)
    func `HMAC-SHA256 agrees with the published cases`(_ one: Case) {
        #expect(Hex.encode(HMAC.sha256(key: one.key, message: one.message)) == one.code)
        #expect(Hex.encode(HMAC.sha256(key: Secret(one.key), message: one.message)) == one.code)
    }

    @Test func `an empty key and an empty message have a code`() {
        let expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        #expect(Hex.encode(HMAC.sha256(key: [], message: [])) == expected)
        #expect(Hex.encode(HMAC.sha256(key: Secret([]), message: [])) == expected)
    }

    @Test func `a code is valid for its own message only`() {
        let key = Secret(text: "key")
        let code = HMAC.sha256(key: key, message: [1, 2, 3])
        #expect(HMAC.isValid(code: code, key: key, message: [1, 2, 3]))
        #expect(!HMAC.isValid(code: code, key: key, message: [1, 2, 4]))
        #expect(!HMAC.isValid(code: Array(code.dropLast()), key: key, message: [1, 2, 3]))
        #expect(!HMAC.isValid(code: code, key: Secret(text: "kez"), message: [1, 2, 3]))
    }

    @Test func `comparing in constant time compares`() {
        #expect(constantTimeEquals([UInt8](), []))
        #expect(constantTimeEquals("token", "token"))
        #expect(!constantTimeEquals("token", "tokem"))
        #expect(!constantTimeEquals("token", "toke"))
    }
}
