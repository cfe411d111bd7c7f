import Encoding
import Testing

@testable import Cryptography

struct SealTests {
    struct Vector: Sendable {
        let key: String
        let nonce: String
        let plaintext: String
        let associated: String
        let ciphertext: String
        let tag: String
    }

    static let feffe = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
    static let zeros = String(repeating: "0", count: 64)

    /// Test cases 13, 14 and 16 of the GCM submission to NIST (McGrew and Viega, appendix B).
    static let vectors = [
        Vector(
            key: zeros, nonce: String(repeating: "0", count: 24), plaintext: "", associated: "",
            ciphertext: "",
            tag: "530f8afbc74536b9a963b4f1c4cb738b"),
        Vector(
            key: zeros, nonce: String(repeating: "0", count: 24),
            plaintext: String(repeating: "0", count: 32),
            associated: "", ciphertext: "cea7403d4d606b6e074ec5d3baf39d18",
            tag: "d0d1c8a799996bf0265b98b5d48ab919"),
        Vector(
            key: feffe, nonce: "cafebabefacedbaddecaf888",
            plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                + "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                + "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            tag: "76fc6ece0f4e1768cddf8853bb2d551b"),
    ]

    @Test(arguments: vectors)
    func `AES-256-GCM agrees with the published vectors`(_ vector: Vector) throws {
        let key = Secret(try #require(Hex.decode(vector.key)))
        let nonce = try #require(Hex.decode(vector.nonce))
        let associated = try #require(Hex.decode(vector.associated))
        let sealed = try AES256GCM.seal(
            #require(Hex.decode(vector.plaintext)), key: key, nonce: nonce, associatedData: associated)
        #expect(Hex.encode(sealed) == vector.ciphertext + vector.tag)
        let opened = try AES256GCM.open(sealed, key: key, nonce: nonce, associatedData: associated)
        #expect(Hex.encode(opened) == vector.plaintext)
    }

    let ring: KeyRing
    let context = SealContext(organizationID: "00D000000000001EAA", purpose: "refresh token")

    init() throws {
        ring = KeyRing(current: try SecretKey.generate())
    }

    @Test func `a sealed value opens again`() throws {
        for count in [0, 1, 15, 16, 17, 100_000] {
            let plaintext = try randomBytes(count)
            let sealed = try ring.seal(plaintext, context: context)
            #expect(try ring.open(sealed.bytes, context: context).reveal() == plaintext)
            #expect(sealed.keyID == ring.current.id)
            #expect(sealed.bytes.count == count + Sealed.overhead)
        }
    }

    @Test func `the same value is sealed differently each time`() throws {
        let secret = Secret(text: "token")
        #expect(try ring.seal(secret, context: context) != ring.seal(secret, context: context))
    }

    @Test func `another organization's or another purpose's value does not open`() throws {
        let sealed = try ring.seal([1, 2, 3], context: context)
        let others = [
            SealContext(organizationID: "00D000000000002EAA", purpose: "refresh token"),
            SealContext(organizationID: "00D000000000001EAA", purpose: "access token"),
            SealContext(organizationID: "00D000000000001EAAr", purpose: "efresh token"),
        ]
        for other in others {
            #expect { try ring.open(sealed, context: other) } throws: { error in
                (error as? CryptographyError)?.code == .authenticationFailed
            }
        }
    }

    @Test func `a changed byte anywhere is detected`() throws {
        let sealed = try ring.seal(Array("token".utf8), context: context)
        for index in sealed.bytes.indices {
            var bytes = sealed.bytes
            bytes[index] ^= 1
            #expect { try ring.open(bytes, context: context) } throws: { error in
                switch (error as? CryptographyError)?.code {
                case .malformedEnvelope: index == 0
                case .unknownKey: (1...8).contains(index)
                case .authenticationFailed: index > 8
                default: false
                }
            }
        }
    }

    @Test func `bytes that are too short or of another version are refused`() throws {
        let sealed = try ring.seal([], context: context)
        let malformed: [[UInt8]] = [
            [], [1], Array(sealed.bytes.dropLast()), [2] + sealed.bytes.dropFirst(),
        ]
        for bytes in malformed {
            #expect { try ring.open(bytes, context: context) } throws: { error in
                (error as? CryptographyError)?.code == .malformedEnvelope
            }
        }
    }

    @Test func `the previous key still opens a value, which is then outdated`() throws {
        let sealed = try ring.seal([7], context: context)
        let next = KeyRing(current: try SecretKey.generate(), previous: [ring.current])
        #expect(try next.open(sealed, context: context).reveal() == [7])
        #expect(next.isOutdated(sealed))
        #expect(try !next.isOutdated(next.seal([7], context: context)))
        let after = KeyRing(current: try SecretKey.generate(), previous: [next.current])
        #expect { try after.open(sealed, context: context) } throws: { error in
            (error as? CryptographyError)?.code == .unknownKey
        }
    }

    @Test func `a value above the limit is refused`() throws {
        let bytes = [UInt8](repeating: 0, count: CryptographyLimits.sealedBytes + 1)
        #expect { try ring.seal(bytes, context: context) } throws: { error in
            (error as? CryptographyError)?.code == .tooLarge
        }
    }

    /// Stored values must stay readable: version 1 sealed this one, and it must always open.
    @Test func `a value sealed by the first version opens`() throws {
        let ring = KeyRing(current: try SecretKey(text: SecretKeyTests.hex))
        let stored =
            "01151a13f307c70ded000102030405060708090a0b"
            + "b3c106afd6d07c9c2c632f24cfd86de84804f2abe43602cbb82f4a6df5"
        #expect(try ring.open(#require(Hex.decode(stored)), context: context).revealText() == "5Aep861.token")
    }
}
