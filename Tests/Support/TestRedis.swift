import Foundation
package import Redis
import Synchronization

/// One numbered database of the server of `TEST_REDIS_URL`: empty, used by one test at a time.
package struct TestRedis: Sendable {
    package let number: Int
    /// For programs that take a URL.
    package let url: String
    package let configuration: RedisConfiguration

    /// Opens a connection. Runs on a loop.
    package func connect() async throws -> RedisConnection {
        try await RedisConnection.connect(configuration, deadline: .now + .seconds(30))
    }

    /// Deletes all keys of this database.
    package func flush() async throws {
        let connection = try await connect()
        defer { connection.close() }
        _ = try await connection.send(["FLUSHDB"], deadline: .now + .seconds(30))
    }

    /// Redis has 16 by default. More concurrent tests wait.
    private static let free = Mutex(Set(0..<16))

    static func claim() async throws -> TestRedis {
        guard let server = ProcessInfo.processInfo.environment["TEST_REDIS_URL"] else {
            throw MissingServer(variable: "TEST_REDIS_URL")
        }
        var claimed: Int?
        try await eventually(within: .seconds(600), "a free Redis database") {
            claimed = free.withLock { $0.popFirst() }
            return claimed != nil
        }
        let number = claimed ?? 0
        let url = server + "/\(number)"
        return TestRedis(number: number, url: url, configuration: try RedisConfiguration(url: url))
    }

    func giveBack() {
        _ = Self.free.withLock { $0.insert(number) }
    }
}

/// Runs `body` with an empty Redis database, on the loop of the caller.
package func withRedis<R>(_ body: (TestRedis) async throws -> R) async throws -> R {
    let redis = try await TestRedis.claim()
    defer { redis.giveBack() }
    try await redis.flush()
    return try await body(redis)
}
