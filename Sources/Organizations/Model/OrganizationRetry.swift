package import Jobs
internal import Salesforce

/// Whether a job is retried after an error of Salesforce or of this target.
package enum OrganizationRetry {
    /// The quota covers the last 24 hours, so some of it comes back every hour.
    package static let quotaPause = Duration.seconds(15 * 60)

    /// Nil for errors of other targets.
    package static func decision(for error: any Error) -> RetryDecision? {
        switch error {
        case let error as SalesforceError:
            if error.code == .requestLimit { return .retryAfter(quotaPause) }
            if let seconds = error.retryAfterSeconds { return .retryAfter(.seconds(seconds)) }
            return error.isTransient ? .retry : nil
        case let error as OrganizationsError:
            switch error.code {
            case .unauthorized, .unknownOrganization, .malformedArguments, .illegalTransition, .mailRefused,
                .webhookRefused:
                return .discard
            case .refreshTimedOut, .refreshRefused, .webhookFailed: return .retry
            default: return nil
            }
        default: return nil
        }
    }
}
