/// Decides before each request whether it may be sent, and learns how it ended. One gate serves one purpose
/// in one org.
package struct CallGate: Sendable {
    /// Throws `SalesforceError` `.heldBack`, `.dailyCalls` or `.circuitOpen`, with `retryAfterSeconds`, if
    /// the request must wait.
    package let admit: @Sendable () throws -> Void
    /// Called once for each admitted request.
    package let end: @Sendable (CallOutcome) -> Void
    /// The org's use of its quota, from each answer that reports it.
    let usage: @Sendable (LimitInfo) -> Void

    /// None of the functions may block.
    package init(
        admit: @escaping @Sendable () throws -> Void = {},
        end: @escaping @Sendable (CallOutcome) -> Void = { _ in },
        usage: @escaping @Sendable (LimitInfo) -> Void = { _ in }
    ) {
        self.admit = admit
        self.end = end
        self.usage = usage
    }
}

/// How a request ended.
package enum CallOutcome: Sendable, Equatable {
    case answered
    case failed(SalesforceError.Code)
    /// The caller was cancelled, so the request says nothing about the org.
    case cancelled
}
