internal import Salesforce

/// Decides the next step after a failed refresh: errors in, a decision out.
struct RefreshAttempts {
    /// Salesforce may have carried out a refresh whose answer is lost.
    var isInDoubt: Bool
    private var requests = 0

    init(isInDoubt: Bool) {
        self.isInDoubt = isInDoubt
    }

    /// The next step.
    enum Step: Equatable {
        /// Send the request again, after a pause.
        case again
        /// The grant is revoked.
        case end
        /// The grant may be good: leave it unchanged. A later job refreshes again.
        case hold
        /// An outage, or an error of ours.
        case fail
    }

    /// The most requests of one call. The second request shows whether the answer was lost or the grant was
    /// revoked, while the caller waits.
    static let maximum = 2

    mutating func step(after error: SalesforceError) -> Step {
        requests += 1
        let isLast = requests >= Self.maximum
        switch GrantRefusal(error) {
        case .ended: return .end
        case .busy: return isLast ? .hold : .again
        case .held, .unknown: return .hold
        case nil:
            guard Self.mayHaveRotated(error) else { return .fail }
            isInDoubt = true
            return isLast ? .fail : .again
        }
    }

    /// Whether Salesforce may have carried out the request although its answer did not arrive.
    private static func mayHaveRotated(_ error: SalesforceError) -> Bool {
        switch error.code {
        case .interrupted, .timedOut, .malformedResponse, .tooLarge, .serverUnavailable: true
        default: false
        }
    }
}
