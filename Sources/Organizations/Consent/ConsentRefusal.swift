package import Salesforce

/// Why a consent was not accepted. Nothing is stored then, and the admin sees a page with the reason.
package enum ConsentRefusal: Error, Equatable, Sendable {
    /// The callback has neither a code nor an error, or no state.
    case malformedCallback
    /// The state is not ours, or was removed long ago.
    case unknownState
    case usedState
    case expiredState
    /// Another browser began the consent of this state.
    case otherBrowser
    /// Salesforce or the user denied access; the value is OAuth's error code.
    case denied(String)
    /// Salesforce does not accept the authorization code.
    case codeRefused
    case badSignature
    /// The connected app issues no refresh token: its scopes lack `refresh_token`.
    case noRefreshToken
    /// The org is not registered.
    case notRegistered(OrganizationID)
    /// The admin logged in to another org than the link's.
    case otherOrganization(expected: OrganizationID, actual: OrganizationID)
    /// The user lacks rights that the sync needs.
    case missingRights(user: String, [UserRights.Right])

    /// A short name for logs, `/auth/failure?reason=` and metrics.
    package var code: String {
        switch self {
        case .malformedCallback: "malformed_callback"
        case .unknownState: "unknown_state"
        case .usedState: "used_state"
        case .expiredState: "expired_state"
        case .otherBrowser: "other_browser"
        case .denied: "denied"
        case .codeRefused: "code_refused"
        case .badSignature: "bad_signature"
        case .noRefreshToken: "no_refresh_token"
        case .notRegistered: "not_registered"
        case .otherOrganization: "other_organization"
        case .missingRights: "missing_rights"
        }
    }

    /// The reason and the next step, as plain text. It may contain the user's name and org ids: escape it for
    /// HTML.
    package var explanation: String {
        switch self {
        case .malformedCallback: "Salesforce's answer is incomplete. Please start again."
        case .unknownState: "This consent did not start here. Please start again from the link in the mail."
        case .usedState: "This consent is already complete. Please start again if you want to consent again."
        case .expiredState: "The consent took longer than 15 minutes. Please start again."
        case .otherBrowser: "The consent started in another browser. Please start again in this one."
        case .denied(let code):
            "Salesforce reports that access was not granted (\(code)). Nothing was stored."
        case .codeRefused: "Salesforce did not accept the authorization code. Please start again."
        case .badSignature: "The signature of Salesforce's answer is wrong. Nothing was stored."
        case .noRefreshToken:
            "Salesforce gave no refresh token. The connected app needs the scope refresh_token. "
                + "Nothing was stored."
        case .notRegistered(let organization):
            "The org \(organization) is not registered. Please install the package in it first. "
                + "Nothing was stored."
        case .otherOrganization(let expected, let actual):
            "You logged in to the org \(actual), but this consent is for \(expected). Nothing was stored."
        case .missingRights(let user, let rights):
            "The user \(user) lacks: \(rights.map(\.rawValue).joined(separator: ", ")). Nothing was stored. "
                + "Please assign these permissions or consent as another user."
        }
    }
}
