internal import Organizations
internal import Salesforce

/// Why a mapping's calls wait, for operators.
enum CallWait: Sendable, Equatable {
    /// The rest of the org's API calls is reserved for other integrations.
    case allowance
    /// The mapping has used the calls that its settings allow.
    case dailyCalls

    /// Nil for errors that are no wait.
    init?(_ error: any Error) {
        switch (error as? SalesforceError)?.code {
        case .heldBack: self = .allowance
        case .dailyCalls: self = .dailyCalls
        default: return nil
        }
    }

    /// The event type of its notification.
    var event: String {
        switch self {
        case .allowance: "api_allowance_low"
        case .dailyCalls: "daily_calls_used"
        }
    }

    /// The reason and the remedy.
    var text: String {
        switch self {
        case .allowance:
            "waits, because the org's API calls of the last 24 hours leave too little beside the reserve. "
                + "It continues when they do. To let it continue sooner, have the org's other integrations "
                + "call less, or raise the org's limit, or lower API_RESERVE_PERCENT"
        case .dailyCalls:
            "waits, because the mapping has used its sf_max_daily_api_calls of the last 24 hours. Events "
                + "still arrive. To let polls continue sooner, raise the setting with "
                + "`multiconnect mappings import`"
        }
    }

    static let events = [CallWait.allowance.event, CallWait.dailyCalls.event]
}
