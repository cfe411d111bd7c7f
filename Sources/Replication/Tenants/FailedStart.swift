internal import Jobs
internal import Organizations
internal import Salesforce

/// A failed start of an import or a provisioning, and the consequence for its job.
struct FailedStart {
    /// The next step for the job.
    enum Decision: Sendable, Equatable {
        /// The error is not about the tenant. Throw it.
        case rethrow
        /// The org's quota is used up, or its budget or circuit holds calls back. Start again later without
        /// losing an attempt.
        case wait(Duration)
        /// Throw the error, so that the job is retried.
        case retry
        /// Another start would not help.
        case giveUp
    }

    let error: any Error
    let decision: Decision

    /// - Parameter failures: failed starts in a row before this one.
    init(_ error: any Error, failures: Int) {
        self.error = error
        let verdict = FaultVerdict(error)
        decision =
            if verdict == .interrupted {
                .rethrow
            } else if let error = error as? SalesforceError, Self.isWaiting(error) {
                .wait(
                    error.retryAfterSeconds.map { min(.seconds($0), OrganizationRetry.quotaPause) }
                        ?? OrganizationRetry.quotaPause)
            } else {
                verdict.endsJob(failures: failures + 1) ? .giveUp : .retry
            }
    }

    private static func isWaiting(_ error: SalesforceError) -> Bool {
        [.requestLimit, .heldBack, .dailyCalls, .circuitOpen].contains(error.code)
    }

    /// The outcome of the job's start, or the error to throw. Calls `show` with the reason first, unless the
    /// error is not about the tenant.
    func outcome(_ show: (String) async -> Void) async throws -> JobOutcome {
        if decision == .rethrow { throw error }
        let reason = FaultReason.text(error)
        await show(reason)
        switch decision {
        case .wait(let pause): return .again(after: pause)
        case .giveUp: throw ReplicationError(.givenUp, reason)
        case .retry, .rethrow: throw error
        }
    }
}
