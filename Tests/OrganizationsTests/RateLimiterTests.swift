import Testing

@testable import Organizations

struct RateLimiterTests {
    private let start = ContinuousClock.now
    private let rate = TokenBucket.Rate(burst: 3, refill: .seconds(10))

    @Test func `a burst passes, then one for each refill`() {
        var bucket = TokenBucket(now: start)
        for _ in 0..<3 { #expect(bucket.take(rate, now: start) == nil) }
        #expect(bucket.take(rate, now: start) == .seconds(10))
        #expect(bucket.take(rate, now: start + .seconds(4)) == .seconds(6))
        #expect(bucket.take(rate, now: start + .seconds(10)) == nil)
        #expect(bucket.take(rate, now: start + .seconds(10)) == .seconds(10))
    }

    @Test func `a bucket never holds more than the burst`() {
        var bucket = TokenBucket(now: start)
        let later = start + .seconds(1_000_000)
        for _ in 0..<3 { #expect(bucket.take(rate, now: later) == nil) }
        #expect(bucket.take(rate, now: later) != nil)
    }

    @Test func `keys do not disturb each other`() {
        let limiter = RateLimiter(rate: TokenBucket.Rate(burst: 1, refill: .seconds(10)))
        #expect(limiter.take("a", now: start) == nil)
        #expect(limiter.take("b", now: start) == nil)
        #expect(limiter.take("a", now: start) == .seconds(10))
    }

    @Test func `the table is bounded and keeps the recent keys`() {
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
    func `one caller of IPv6 is a network`(address: String, key: String) {
        #expect(RateLimiter.addressKey(address) == key)
    }
}
