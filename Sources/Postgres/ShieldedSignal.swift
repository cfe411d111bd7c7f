/// One event that one task awaits, cancelled or not. Whoever waits must have set a timer that opens it.
// SAFETY: loop-confined: opened and awaited on the same loop only.
@safe final class ShieldedSignal: @unchecked Sendable {
    enum Outcome {
        case happened
        case timedOut
    }

    private var outcome: Outcome?
    private var continuation: UnsafeContinuation<Outcome, Never>?

    /// The first call counts.
    func open(_ outcome: Outcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        if let waiting = unsafe continuation {
            unsafe continuation = nil
            unsafe waiting.resume(returning: outcome)
        }
    }

    func wait() async -> Outcome {
        if let outcome { return outcome }
        return await unsafe withUnsafeContinuation { unsafe continuation = unsafe $0 }
    }
}
