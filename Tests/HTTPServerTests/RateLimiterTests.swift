import Testing

@testable import HTTPServer

struct RateLimiterTests {
    private let start = ContinuousClock.now
    private let rate = TokenBucket.Rate(burst: 3, refill: .seconds(10))

    @Test func `a burst is allowed, then one request per refill time`() {
        var bucket = TokenBucket(now: start)
        for _ in 0..<3 { #expect(bucket.take(rate, now: start) == nil) }
        #expect(bucket.take(rate, now: start) == .seconds(10))
        #expect(bucket.take(rate, now: start + .seconds(4)) == .seconds(6))
        #expect(bucket.take(rate, now: start + .seconds(10)) == nil)
        #expect(bucket.take(rate, now: start + .seconds(10)) == .seconds(10))
    }

    @Test func `a bucket never allows more than the burst at once`() {
        var bucket = TokenBucket(now: start)
        let later = start + .seconds(1_000_000)
        for _ in 0..<3 { #expect(bucket.take(rate, now: later) == nil) }
        #expect(bucket.take(rate, now: later) != nil)
    }

    @Test func `each key has its own limit`() {
        let limiter = RateLimiter(rate: TokenBucket.Rate(burst: 1, refill: .seconds(10)))
        #expect(limiter.take("a", now: start) == nil)
        #expect(limiter.take("b", now: start) == nil)
        #expect(limiter.take("a", now: start) == .seconds(10))
    }

    @Test func `the number of stored keys is bounded, and recent keys stay`() {
        let limiter = RateLimiter(rate: rate, maximumKeys: 100)
        for key in 0..<10_000 {
            _ = limiter.take("key \(key)", now: start)
            _ = limiter.take("busy", now: start)
        }
        #expect(limiter.keyCount <= 100)
        #expect(limiter.take("busy", now: start) != nil)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8::1", "2001:db8:0:0::/64"),
        ("::1", "0:0:0:0::/64"), ("fe80::1%eth0", "fe80:0:0:0::/64"),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.7"),
    ])
    func `an IPv6 client is identified by its /64 network`(address: String, key: String) {
        #expect(RateLimiter.addressKey(address) == key)
    }
}
