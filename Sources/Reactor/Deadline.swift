/// Runs `operation` and cancels it at `deadline`. It then throws `ReactorError.timedOut`.
///
/// It returns when `operation` has ended. An operation that ignores its cancellation blocks the caller.
package func withDeadline<Value: Sendable>(
    _ deadline: ContinuousClock.Instant, operation name: String = "operation",
    _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let loop = EventLoop.current
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await operation() }
        group.addTask {
            try await loop.sleep(until: deadline)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw ReactorError(.timedOut, operation: name)
        }
        return value
    }
}
