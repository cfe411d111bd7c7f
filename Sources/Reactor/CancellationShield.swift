/// Runs `body` to its end although the calling task may be cancelled, and returns its result.
///
/// It is for a drain, and for work that several callers share. The call waits for the end of `body`, so the
/// task that runs it never outlives the call. It runs on `executor`, else on the current loop.
package func withCancellationShield<Value: Sendable, Failure: Error>(
    on executor: (any TaskExecutor)? = nil,
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let task = Task(executorPreference: executor ?? EventLoop.currentIfAny) {
        () async -> Result<Value, Failure> in
        do throws(Failure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    return try await task.value.get()
}
