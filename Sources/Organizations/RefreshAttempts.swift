internal import Salesforce

/// Decides what follows a failed request for a new access token. Errors in, a decision out.
struct RefreshAttempts {
    /// Salesforce may have carried out a request whose answer is lost.
    var isInDoubt: Bool
    private var requests = 0

    init(isInDoubt: Bool) {
        self.isInDoubt = isInDoubt
    }

    /// The next step.
    enum Step: Equatable {
        /// The same request once more, after a pause.
        case again
        /// The grant is gone.
        case end
        /// The grant may be good: nothing changes, and a later job asks again.
        case hold
        /// An outage, or a fault of ours.
        case fail
    }

    /// Requests of one call: the second tells a lost answer from a lost grant while somebody waits.
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

    /// Whether Salesforce may have carried out a request whose answer we do not have.
    private static func mayHaveRotated(_ error: SalesforceError) -> Bool {
        switch error.code {
        case .interrupted, .timedOut, .malformedResponse, .tooLarge, .serverUnavailable: true
        default: false
        }
    }
}
