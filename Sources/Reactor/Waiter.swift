/// One suspended task of a loop. An event, a timer or its cancellation resumes it once.
// SAFETY: loop-confined; a cancellation reaches it through `EventLoop.post`.
package final class Waiter: @unchecked Sendable {
    @safe private enum State {
        case idle
        case suspended(UnsafeContinuation<Void, any Error>)
        case resumed((any Error)?)
    }

    private var state = State.idle
    var timer: LoopTimer?

    package init() {}

    /// Suspends until `resume`. `arm` runs once the task can be resumed.
    package func wait(on loop: EventLoop, arm: () -> Void = {}) async throws {
        try await withTaskCancellationHandler {
            try await unsafe withUnsafeThrowingContinuation { continuation in
                state = unsafe .suspended(continuation)
                arm()
            }
        } onCancel: {
            loop.post { self.resume(throwing: CancellationError()) }
        }
    }

    package func resume() { finish(nil) }

    package func resume(throwing error: any Error) { finish(error) }

    private func finish(_ error: (any Error)?) {
        guard case .suspended(let continuation) = state else { return }
        state = .resumed(error)
        if let error {
            unsafe continuation.resume(throwing: error)
        } else {
            unsafe continuation.resume()
        }
    }
}
