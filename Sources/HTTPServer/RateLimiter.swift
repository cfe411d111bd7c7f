internal import Synchronization

/// A rate limit per key, for a bounded number of keys.
///
/// Keys are stored in two generations. When the younger generation is full, the older one is dropped, so
/// memory does not grow with the number of clients. A flood of other keys can therefore reset a key's count:
/// a limit that must hold has to be enforced in the database too.
package final class RateLimiter: Sendable {
    private struct Table {
        var younger: [String: TokenBucket] = [:]
        var older: [String: TokenBucket] = [:]
    }

    private let rate: TokenBucket.Rate
    private let keysPerGeneration: Int
    private let table = Mutex(Table())

    package init(rate: TokenBucket.Rate, maximumKeys: Int = 20_000) {
        self.rate = rate
        keysPerGeneration = max(1, maximumKeys / 2)
    }

    /// Counts one request of `key`. Returns nil if it is allowed, else the time until the next one is
    /// allowed, for `Retry-After`.
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

    /// Like `take`, but does not count the request.
    package func wait(for key: String, now: ContinuousClock.Instant = .now) -> Duration? {
        table.withLock { table in
            var bucket = table.younger[key] ?? table.older[key] ?? TokenBucket(now: now)
            return bucket.take(rate, now: now)
        }
    }

    /// For tests: the number of stored keys.
    var keyCount: Int { table.withLock { $0.younger.count + $0.older.count } }

    /// The key for a client's address. For IPv6 the first 64 bits, because one client usually has a whole /64
    /// network.
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
