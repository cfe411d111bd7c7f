/// Runs `body` in a child task. A task keeps the memory of its deepest call until it ends, and thousands of
/// tenants have tasks that mostly wait: their rare work runs in tasks that end.
package func withOwnTask<Value: Sendable>(
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        guard let value = try await group.next() else { throw CancellationError() }
        return value
    }
}
