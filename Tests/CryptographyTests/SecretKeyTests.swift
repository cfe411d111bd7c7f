import Encoding
import Testing

@testable import Cryptography

struct SecretKeyTests {
    static let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    static let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    @Test func `Base64 and hexadecimal give the same key`() throws {
        let key = try SecretKey(text: Self.hex)
        #expect(try SecretKey(text: Self.base64) == key)
        #expect(try SecretKey(text: Self.hex.uppercased()) == key)
        #expect(try SecretKey(text: " \(Self.base64)\r\n") == key)
        #expect(try SecretKey(text: key.revealText()) == key)
    }

    @Test(arguments: [
        "", "secret", String(hex.dropLast()), String(hex.dropLast(2)), hex + "20", String(base64.dropLast()),
        base64 + "AAAA", "zz" + hex.dropFirst(2), String(repeating: "0", count: 64),
        String(repeating: "A", count: 43) + "=",
    ])
    func `an invalid key is refused without being repeated`(_ text: String) {
        #expect { try SecretKey(text: text) } throws: { error in
            guard let error = error as? CryptographyError, error.code == .invalidKey else { return false }
            return text.isEmpty || !"\(error) \(String(reflecting: error))".contains(text)
        }
    }

    @Test func `a key is printed only as its id`() throws {
        let key = try SecretKey(text: Self.hex)
        #expect(key.id.text.count == 16)
        #expect(try SecretKey.generate().id != key.id)
        var dumped = ""
        dump(key, to: &dumped)
        for form in ["\(key)", String(reflecting: key), dumped] {
            #expect(!form.contains("000102"))
            #expect(!form.contains("AAECAw"))
        }
    }

    @Test func `derived keys depend on key and purpose`() throws {
        let key = try SecretKey(text: Self.hex)
        let other = try SecretKey.generate()
        #expect(key.derive(for: "cookies") == key.derive(for: "cookies"))
        #expect(key.derive(for: "cookies") != key.derive(for: "links"))
        #expect(key.derive(for: "cookies") != other.derive(for: "cookies"))
        #expect(key.derive(for: "cookies", count: 64).count == 64)
    }

    @Test func `the check value identifies its key`() throws {
        let key = try SecretKey(text: Self.hex)
        #expect(key.matches(checkValue: key.checkValue))
        #expect(try !SecretKey.generate().matches(checkValue: key.checkValue))
        #expect(!key.matches(checkValue: []))
    }

    /// Stored values must stay readable: these must never change.
    @Test func `the id and the check value of a key are stable`() throws {
        let key = try SecretKey(text: Self.hex)
        #expect(key.id.text == "151a13f307c70ded")
        #expect(
            Hex.encode(key.checkValue) == "2d25b8bd653dcdcf20ffc83a135246d8d2d70a0d13dfb1712253c5a0bf8da216")
    }
}
