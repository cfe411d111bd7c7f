import Encoding
import Testing

@testable import Cryptography

struct RS256Tests {
    /// Made with `openssl genrsa 2048`; the signature of "hello" with `openssl dgst -sha256 -sign`.
    static let publicPEM = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAz81HGiZM6g6DMaWmU6x8
        TeUxyo8WSOCujqKBMj250v2sLiCGaNut7qF2Rd4roTS3LdPCPRpHd+ekSQ9dYRYS
        HyE6AsW76W9IjVx0kjVbQ4qLYk0TuS4PAM1WUgGVnFq8glB11BAxqv7qzKQI4Abn
        yMQ+0cw72zEoMHLzndNRTydMyhvyfBzmrnnxCJsSeFp+cFzDRARq7X1EiYQvuZsU
        FwAuD7Eadyb3r+GF57fsQWQw0HZBjWdkxqQ4XgojYF6NnBYPcqBgyv9+8ItENpXX
        cjfsZOdj9Z2MnH5GAxXXTzWKcY5j6eVech/jK+bqP+xQyjbvShiEhHMeTvlMosu/
        qQIDAQAB
        -----END PUBLIC KEY-----

        """

    static let signature =
        "8730e6bd312932a3045465304d4fd416f3e7b577e84b24e37074e3def79e5b8bf55f7c318649431d4cd4908ceefd2725"
        + "f13f550be22a7de31191f927da03473d9b914c9d1b81aea0f71f2ee9f9d86afb0050f1492db64af3751da27e6e819ae2"
        + "b07077a302a0d91ef8b7504bbf41cd00700e279c1ac2a4cc505c70bda415a2d70046dda9c6a3624ee1a9c852c56edcdf"
        + "a4f1e9ec63e1a130cfd6abfd9598b2512f7d2783633b3fd6942072f37bbdf9e06945ee8e41d0396d57d69c0cc3bdb9e2"
        + "c9d88c261b468c49265f93bdda8554c2e5fae83346750fab5c8176562574501c74f2461605e67266d6c2777195385"
        + "62d21259e49283f3abb9af23d2545d9d5e2"

    @Test func `a signature made by the openssl command is valid`() throws {
        let key = try RS256.PublicKey(pem: Self.publicPEM)
        let signature = try #require(Hex.decode(Self.signature))
        #expect(key.isValid(signature: signature, for: Array("hello".utf8)))
        #expect(!key.isValid(signature: signature, for: Array("hellp".utf8)))
        #expect(!key.isValid(signature: Array(signature.dropLast()), for: Array("hello".utf8)))
        #expect(!key.isValid(signature: [], for: Array("hello".utf8)))
    }

    @Test func `a signature of a private key is valid for its public key`() throws {
        let key = try RS256.PrivateKey(pem: RS256.PrivateKey.generatePEM())
        let message = Array("header.payload".utf8)
        let signature = try key.sign(message)
        #expect(signature.count == 256)
        #expect(try key.sign(message) == signature)
        #expect(try RS256.PublicKey(pem: key.publicPEM()).isValid(signature: signature, for: message))
        #expect(try !RS256.PublicKey(pem: Self.publicPEM).isValid(signature: signature, for: message))
    }

    @Test func `short, non-RSA and malformed keys are refused`() throws {
        let short = try RSAKey(bits: 1024).pem(.privateKey)
        let elliptic = """
            -----BEGIN PUBLIC KEY-----
            MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYD54V/vp+54P9DXarYqx4MPcm+HK
            RIQzNasYSoRQHQ/6S6Ps8tpMcT+KvIIC8W/e9k0W7Cm72M1P9jU7SLf/vg==
            -----END PUBLIC KEY-----

            """
        for pem in [short, Secret(text: ""), Secret(text: "not a key"), Secret(text: Self.publicPEM)] {
            #expect { try RS256.PrivateKey(pem: pem) } throws: { error in
                (error as? CryptographyError)?.code == .invalidKey
            }
        }
        for pem in [elliptic, "", String(Self.publicPEM.dropLast(60))] {
            #expect { try RS256.PublicKey(pem: pem) } throws: { error in
                (error as? CryptographyError)?.code == .invalidKey
            }
        }
    }
}
