internal import Synchronization

/// A rate per key, for a bounded number of keys.
///
/// Keys live in two generations: when the younger is full, the older is forgotten, so that neither memory nor
/// time grows with the number of callers. Forgetting a key forgives it, which a flood of other keys can bring
/// about; what must hold then is the limit per org, and the throttling of mails in the database.
package final class RateLimiter: Sendable {
    private struct Table {
        var younger: [String: TokenBucket] = [:]
        var older: [String: TokenBucket] = [:]
    }

    private let rate: TokenBucket.Rate
    private let keysPerGeneration: Int
    private let table = Mutex(Table())

    package init(rate: TokenBucket.Rate, maximumKeys: Int = OrganizationsLimits.limiterKeys) {
        self.rate = rate
        keysPerGeneration = max(1, maximumKeys / 2)
    }

    /// The limiter for callers' addresses.
    package static func perAddress() -> RateLimiter {
        RateLimiter(
            rate: TokenBucket.Rate(
                burst: OrganizationsLimits.addressBurst, refill: OrganizationsLimits.addressRefill))
    }

    /// The limiter for callbacks of consents, by address.
    package static func forCallbacks() -> RateLimiter {
        RateLimiter(
            rate: TokenBucket.Rate(
                burst: OrganizationsLimits.callbackBurst, refill: OrganizationsLimits.callbackRefill))
    }

    /// The limiter for org ids.
    package static func perOrganization() -> RateLimiter {
        RateLimiter(
            rate: TokenBucket.Rate(
                burst: OrganizationsLimits.organizationBurst, refill: OrganizationsLimits.organizationRefill))
    }

    /// Counts one of `key`. Returns nil if it is within the rate, else the time until it would be:
    /// `Retry-After`.
    package func take(_ key: String, now: ContinuousClock.Instant = .now) -> Duration? {
        table.withLock { table in
            var bucket = table.younger[key] ?? table.older[key] ?? TokenBucket(now: now)
            let wait = bucket.take(rate, now: now)
            if table.younger[key] == nil, table.younger.count >= keysPerGeneration {
                table.older = table.younger
                table.younger = [:]
            }
            table.younger[key] = bucket
            return wait
        }
    }

    /// The time until one of `key` would be within the rate; nil if it is now. Counts nothing.
    package func wait(for key: String, now: ContinuousClock.Instant = .now) -> Duration? {
        table.withLock { table in
            var bucket = table.younger[key] ?? table.older[key] ?? TokenBucket(now: now)
            return bucket.take(rate, now: now)
        }
    }

    /// The keys that are remembered.
    var keyCount: Int { table.withLock { $0.younger.count + $0.older.count } }

    /// The key of a caller's address: of IPv6 the first 64 bits, because one caller has all of the rest.
    package static func addressKey(_ address: String) -> String {
        guard address.contains(":"), !address.contains(".") else { return address }
        let halves = address.split(separator: "%")[0].lowercased().split(
            separator: "::", omittingEmptySubsequences: false)
        let head = halves.first.map { $0.split(separator: ":") } ?? []
        let tail = halves.count > 1 ? halves[1].split(separator: ":") : []
        let middle = max(0, 8 - head.count - tail.count)
        let groups = head + Array(repeating: "0", count: halves.count > 1 ? middle : 0) + tail
        return groups.prefix(4).joined(separator: ":") + "::/64"
    }
}
