import Cryptography
import Testing

@testable import Feeds

struct DeliveryRuleTests {
    private func outcome(_ status: Int?, failures: Int = 0, age: Duration = .zero) -> DeliveryRule.Outcome {
        DeliveryRule.outcome(status: status, failures: failures, age: age, jitter: 1)
    }

    @Test func `an answer with 2xx ends a delivery, any other is tried again with growing pauses`() {
        #expect(outcome(200) == .delivered)
        #expect(outcome(204) == .delivered)
        #expect(outcome(500) == .retried(after: .seconds(5)))
        #expect(outcome(404, failures: 1) == .retried(after: .seconds(30)))
        // A redirect is not followed.
        #expect(outcome(302, failures: 2) == .retried(after: .seconds(120)))
        #expect(outcome(nil, failures: 3) == .retried(after: .seconds(600)))
    }

    @Test func `a delivery is dead after the last attempt, when it is too old, and after 410`() {
        #expect(outcome(500, failures: FeedLimits.attempts - 1) == .dead)
        #expect(outcome(nil, failures: 1, age: FeedLimits.eventRetention) == .dead)
        #expect(outcome(410) == .dead)
    }

    @Test func `an outage of the receiver delays its other deliveries, a refusal does not`() {
        #expect(DeliveryRule.isOutage(status: nil))
        #expect(DeliveryRule.isOutage(status: 503))
        #expect(DeliveryRule.isOutage(status: 429))
        #expect(!DeliveryRule.isOutage(status: 400))
        #expect(DeliveryRule.pause(outages: 1) == .seconds(2))
        #expect(DeliveryRule.pause(outages: 1_000) == .seconds(300))
    }

    /// The example of the specification's reference libraries.
    @Test func `the signature is that of Standard Webhooks`() throws {
        let key = Secret(try #require(Base64Key.example))
        let signature = DeliveryRequest.signature(
            "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330, Array(#"{"test": 2432232314}"#.utf8),
            key: key)
        #expect(signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test func `a position and a cursor are read as they were written`() {
        let cursor = FeedCursor(positions: [
            "control": FeedPosition(transaction: 12, id: 3),
            "cell-default": FeedPosition(transaction: 4, id: 0),
        ])
        #expect(cursor.text == "cell-default=4.0~control=12.3")
        #expect(FeedCursor(cursor.text) == cursor)
        for wrong in [
            "x", "a=1", "a=1.x", "a=1.2.3", "a=-1.2", "a=1.-2", "=", String(repeating: "a", count: 9_000),
        ] {
            #expect(FeedCursor(wrong) == nil, "\(wrong.prefix(20))")
        }
    }

    @Test func `a webhook's URL is https without a user`() {
        func host(_ url: String, _ allowsPrivate: Bool = false) -> String? {
            FeedTarget.host(of: url, allowsPrivate: allowsPrivate)
        }
        #expect(host("https://app.example/hook?x=1") == "app.example")
        #expect(host("http://app.example/hook") == nil)
        #expect(host("http://127.0.0.1:8000/hook", true) == "127.0.0.1")
        let wrong = [
            "https://user@app.example", "https://user:pw@app.example", "https:///x", "ftp://app.example", "x",
            "https://app.example/#a", "https://app.example/ x", "file:///etc/passwd",
            "https://app.example/" + String(repeating: "x", count: 3_000),
        ]
        for url in wrong { #expect(host(url, true) == nil, "\(url.prefix(40))") }
    }
}
