import Testing

@testable import Cryptography

struct RandomTests {
    @Test func `random bytes have the length asked for and a limit`() throws {
        #expect(try randomBytes(0).isEmpty)
        #expect(try randomBytes(33).count == 33)
        #expect(try randomBytes(16) != randomBytes(16))
        #expect(throws: CryptographyError.self) { try randomBytes(CryptographyLimits.randomBytes + 1) }
    }
}
