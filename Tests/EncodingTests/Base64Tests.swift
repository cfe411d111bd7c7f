import Testing

@testable import Encoding

struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `Base64 agrees with RFC 4648 section 10`(plain: String, encoded: String) {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
        let unpadded = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encode(plain.utf8, .url) == unpadded)
        #expect(Base64.decode(unpadded, .url) == Array(plain.utf8))
    }

    @Test func `the alphabets differ in their last two digits`() {
        let bytes: [UInt8] = [0xfb, 0xff, 0xfe]
        #expect(Base64.encode(bytes) == "+//+")
        #expect(Base64.encode(bytes, .url) == "-__-")
        #expect(Base64.decode("-__-", .url) == bytes)
        #expect(Base64.decode("-__-") == nil)
        #expect(Base64.decode("+//+", .url) == nil)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "Z", "Zh==", "Zm9=", "Zm9v\n", "Zm 9v", "====", "Zg==Zg==", "Zé==",
    ])
    func `Base64 that is not canonical is refused`(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test(arguments: ["Zg==", "Z", "Zh", "Zm9v Zg"])
    func `Base64 for URLs has no padding and no stray bits`(_ text: String) {
        #expect(Base64.decode(text, .url) == nil)
    }

    @Test func `every length comes back`() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 197 + 251) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decode(Base64.encode(bytes, .url), .url) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
    }

    @Test func `hexadecimal is read in both cases and written in lower case`() {
        #expect(Hex.encode("foobar".utf8) == "666f6f626172")
        #expect(Hex.decode("00fFA9") == [0x00, 0xff, 0xa9])
        for wrong in ["0", "0g", " 00", "0x00", "é"] {
            #expect(Hex.decode(wrong) == nil)
        }
    }
}
