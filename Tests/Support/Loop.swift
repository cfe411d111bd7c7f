import Reactor

/// Runs a test's body on its own event loop, and ends the loop afterwards.
package func withLoop<R: Sendable>(_ body: @concurrent @Sendable () async throws -> R) async throws -> R {
    let loop = EventLoop(name: "test")
    defer { loop.shutdown() }
    return try await loop.run(body)
}

/// Returns when `condition` is true. It checks every few milliseconds, and throws `ConditionTimeout` after
/// `limit`.
package func eventually(
    within limit: Duration = .seconds(20), _ what: String = "condition",
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard .now < deadline else { throw ConditionTimeout(what: what) }
        if let loop = EventLoop.currentIfAny {
            try await loop.sleep(for: .milliseconds(5))
        } else {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

package struct ConditionTimeout: Error, CustomStringConvertible {
    package let what: String
    package var description: String { "\(what) did not come true in time" }
}
