import Cryptography
import Encoding
import Foundation
import Testing

@testable import Salesforce

struct CanvasRequestTests {
    private static let secret = Secret(text: "consumer secret")
    private static let org = "00D5f000005mc66EAA"

    private let hosts: HostRule

    private static func quoted(_ text: String) -> String { "\"\(text)\"" }

    init() throws { hosts = try HostRule(loginURL: "https://login.salesforce.com") }

    /// An envelope with some members changed.
    private func document(_ changes: [String: String] = [:]) -> String {
        let values = [
            "algorithm": Self.quoted("HMACSHA256"), "issuedAt": "null",
            "token": Self.quoted("00D5f000005mc66!AR.x"),
            "instance": Self.quoted("https://acme.my.salesforce.com"),
            "target": Self.quoted("https://acme--c.vf.force.com"),
            "location": Self.quoted("https://acme--c.vf.force.com/apex/Page"), "org": "\"\(Self.org)\"",
        ].merging(changes) { $1 }
        return """
            {"algorithm":\(values["algorithm"]!),"issuedAt":\(values["issuedAt"]!),"userId":"0055f000001abcd",
            "client":{"oauthToken":\(values["token"]!),"instanceUrl":\(values["instance"]!),
            "targetOrigin":\(values["target"]!)},"context":{"user":{"userName":"ann@acme.example"},
            "environment":{"locationUrl":\(values["location"]!)},
            "organization":{"organizationId":\(values["org"]!)}}}
            """
    }

    private func signed(_ document: String, _ secret: Secret = Self.secret) -> String {
        let envelope = Base64.encode(Array(document.utf8))
        return Base64.encode(HMAC.sha256(key: secret, message: Array(envelope.utf8))) + "." + envelope
    }

    private func read(_ text: String?) throws(CanvasRequest.Refusal) -> CanvasRequest {
        try CanvasRequest(verifying: text, secret: Self.secret, hosts: hosts)
    }

    @Test func `a request of Salesforce is read`() throws {
        let request = try read(signed(document()))
        #expect(request.organization.text == Self.org && request.username == "ann@acme.example")
        #expect(request.user.text.hasPrefix("0055f000001abcd") && request.issuedAt == nil)
        #expect(
            request.frames.map(\.description) == [
                "https://acme.my.salesforce.com", "https://acme--c.vf.force.com",
                "https://acme.lightning.force.com",
            ])
    }

    @Test func `the time is read in seconds and milliseconds, as number and as text`() throws {
        for text in ["1764432000", "1764432000000", Self.quoted("1764432000000")] {
            let request = try read(signed(document(["issuedAt": text])))
            #expect(request.issuedAt == Date(timeIntervalSince1970: 1_764_432_000))
        }
    }

    @Test func `the url alphabet of base64 is read, and the digest does not depend on the signature's text`()
        throws
    {
        let envelope = Base64.encode(Array(document().utf8), .url)
        let code = HMAC.sha256(key: Self.secret, message: Array(envelope.utf8))
        let request = try read(Base64.encode(code) + "." + envelope)
        #expect(request.digest == Digest.sha256(envelope))
    }

    @Test func `forged, truncated and incomplete requests are refused`() {
        let good = signed(document())
        let cases: [(String?, CanvasRequest.Refusal)] = [
            (nil, .missing), ("", .missing), ("x", .malformed), (".", .wrongSignature),
            (signed(document(), Secret(text: "another secret")), .wrongSignature),
            (String(good.dropLast(4)), .wrongSignature), (String(good.dropFirst(4)), .wrongSignature),
            (String(good.dropFirst(1)), .malformed),
            (good + "AAAA", .wrongSignature),
            (signed(document(["algorithm": Self.quoted("HMACSHA1")])), .wrongAlgorithm),
            (signed(document(["algorithm": Self.quoted("none")])), .wrongAlgorithm),
            (signed(document(["algorithm": "null"])), .wrongAlgorithm),
            (signed(document(["org": Self.quoted("0015f000005mc66")])), .malformed),
            (signed(document(["token": Self.quoted("")])), .malformed),
            (signed(document(["token": Self.quoted("00D000000000001!AR.x")])), .otherOrganization),
            (
                signed(document(["instance": Self.quoted("https://acme.my.salesforce.com.evil.example")])),
                .foreignHost
            ),
            (signed(document(["instance": Self.quoted("http://acme.my.salesforce.com")])), .foreignHost),
            (signed("not json"), .malformed), (signed("{}"), .wrongAlgorithm),
            (String(repeating: "A", count: 70_000), .tooLarge),
        ]
        for (text, refusal) in cases {
            #expect(throws: refusal, "\(text?.prefix(60) ?? "nil")") { try read(text) }
        }
    }

    @Test func `no foreign host may show the page in a frame`() throws {
        for host in [
            "https://evil.example", "http://acme--c.vf.force.com", "https://force.com.evil.example",
            "https://*.force.com", "javascript:alert(1)", "https://acme.my.salesforce.com; script-src *",
        ] {
            let text = "\"\(host)\""
            let request = try read(signed(document(["target": text, "location": text])))
            #expect(
                request.frames.map(\.description) == [
                    "https://acme.my.salesforce.com", "https://acme.lightning.force.com",
                ], "\(host)")
        }
    }
}
