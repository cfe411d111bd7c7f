internal import Reactor

/// Runs `body` on the current loop so that a cancellation of the caller does not reach it, and waits for its
/// end.
///
/// A drain needs this: the serving task is cancelled, and yet the requests under way are to be finished. The
/// task started here is unstructured only in that one respect: it never outlives the call.
func withCancellationShield(_ body: @escaping @Sendable () async -> Void) async {
    await Task(executorPreference: EventLoop.current) { await body() }.value
}
