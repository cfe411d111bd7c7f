import Testing

@testable import Cryptography

struct EncodingTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `Base64 agrees with RFC 4648 section 10`(plain: String, encoded: String) throws {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(try Base64.decode(encoded) == Array(plain.utf8))
        let unpadded = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encode(plain.utf8, .url) == unpadded)
        #expect(try Base64.decode(unpadded, .url) == Array(plain.utf8))
    }

    @Test func `the alphabets differ in their last two digits`() throws {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe]
        #expect(Base64.encode(bytes) == "+//+")
        #expect(Base64.encode(bytes, .url) == "-__-")
        #expect(try Base64.decode("-__-", .url) == bytes)
        #expect(throws: CryptographyError.self) { try Base64.decode("-__-") }
        #expect(throws: CryptographyError.self) { try Base64.decode("+//+", .url) }
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Z", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "====", "Zg==Zg==", "Zé==",
    ])
    func `Base64 that is not canonical is refused`(_ text: String) {
        #expect(throws: CryptographyError(.invalidEncoding, "decode Base64")) { try Base64.decode(text) }
    }

    @Test(arguments: ["Zg==", "Z", "Zh", "Zm9v Zg"])
    func `Base64 for URLs has no padding and no stray bits`(_ text: String) {
        #expect(throws: CryptographyError(.invalidEncoding, "decode Base64")) {
            try Base64.decode(text, .url)
        }
    }

    @Test func `every length comes back`() throws {
        for count in 0..<70 {
            let bytes = try randomBytes(count)
            #expect(try Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(try Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
            #expect(try Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test func `hexadecimal is read in both cases and written in lower case`() throws {
        #expect(Hex.encode("foobar".utf8) == "666f6f626172")
        #expect(try Hex.decode("00fFA9") == [0x00, 0xff, 0xa9])
        for wrong in ["0", "0g", " 00", "0x00", "é"] {
            #expect(throws: CryptographyError(.invalidEncoding, "decode hexadecimal")) {
                try Hex.decode(wrong)
            }
        }
    }

    @Test func `random bytes have the length asked for and a limit`() throws {
        #expect(try randomBytes(0).isEmpty)
        #expect(try randomBytes(33).count == 33)
        #expect(try randomBytes(16) != randomBytes(16))
        #expect(throws: CryptographyError.self) { try randomBytes(CryptographyLimits.randomBytes + 1) }
    }
}
