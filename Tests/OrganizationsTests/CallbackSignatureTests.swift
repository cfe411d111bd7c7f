import Cryptography
import Encoding
import Foundation
import Testing

@testable import Organizations

struct CallbackSignatureTests {
    private let secret = Secret(text: "between us")
    private let body = Array(#"{"org_id":"x"}"#.utf8)
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func sign(_ timestamp: String) -> String {
        Hex.encode(HMAC.sha256(key: secret, message: Array(timestamp.utf8) + [0x2E] + body))
    }

    private func refusal(_ timestamp: String?, _ signature: String?, body: [UInt8]? = nil)
        -> CallbackSignature.Refusal?
    {
        do {
            try CallbackSignature(secret: secret)
                .verify(timestamp: timestamp, signature: signature, body: body ?? self.body, now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["1800000000", "1799999700", "1800000300"])
    func `a fresh signature is accepted`(timestamp: String) {
        #expect(refusal(timestamp, sign(timestamp)) == nil)
        #expect(refusal(timestamp, sign(timestamp).uppercased()) == nil)
    }

    @Test(arguments: ["1799999699", "1800000301", "0"])
    func `a timestamp more than five minutes away is refused`(timestamp: String) {
        #expect(refusal(timestamp, sign(timestamp)) == .stale)
    }

    @Test func `a signature for another body, time or secret is wrong`() {
        let timestamp = "1800000000"
        #expect(refusal(timestamp, sign(timestamp), body: [1]) == .wrong)
        #expect(refusal("1800000001", sign(timestamp)) == .wrong)
        let other = HMAC.sha256(key: Secret(text: "other"), message: Array("1800000000.".utf8) + body)
        #expect(refusal(timestamp, Hex.encode(other)) == .wrong)
        #expect(refusal(timestamp, "") == .wrong)
    }

    @Test func `a missing and a malformed signature have their own reasons`() {
        #expect(refusal(nil, "00") == .missing)
        #expect(refusal("1800000000", nil) == .missing)
        #expect(refusal("now", "00") == .malformed)
        #expect(refusal("-1", "00") == .malformed)
        #expect(refusal("1e9", "00") == .malformed)
        #expect(refusal("1800000000", "zz") == .malformed)
    }
}
