package import HTTPServer
import HTTPWire
import Jobs
import Organizations
import Postgres
import Redis
import Salesforce

/// Maps every error to the HTTP status and the text of the answer. The texts are fixed, because an error's
/// own text may contain data.
package enum FaultStatus {
    /// The answer to an error; nil for an unexpected error, which is logged and answered with 500.
    package static func problem(for error: any Error) -> Problem? {
        switch error {
        case let problem as Problem: problem
        case let failure as ConsentFailure: problem(for: failure.cause)
        case let refusal as ConsentRefusal: Problem(status(of: refusal), refusal.explanation)
        case let refusal as CallbackSignature.Refusal: Problem(.unauthorized, refusal.rawValue)
        case let invalid as RegistrationRequest.Invalid:
            Problem(.badRequest, invalid.problems.map(\.description).joined(separator: "; "))
        case let error as OrganizationsError: problem(for: error.code)
        case let error as SalesforceError: problem(for: error)
        case let error as PostgresError where error.isLoginRefusal:
            unavailable("This service cannot log in to its database. Its operators have to fix this.")
        case let error as PostgresError where error.isTransient || error.isConnectionLoss:
            unavailable("The database does not answer at the moment. Please try again.")
        case is RedisError: unavailable("A service does not answer at the moment. Please try again.")
        case is CancellationError: unavailable("The server is restarting. Please try again.")
        default: nil
        }
    }

    /// The status of the page for a refused consent.
    static func status(of refusal: ConsentRefusal) -> Status {
        switch refusal {
        case .malformedCallback, .unknownState, .usedState, .expiredState, .otherBrowser, .codeRefused:
            .badRequest
        case .denied, .otherOrganization, .missingRights: .forbidden
        case .notRegistered: .notFound
        case .badSignature, .noRefreshToken: .badGateway
        }
    }

    private static func problem(for code: OrganizationsError.Code) -> Problem? {
        switch code {
        case .unknownOrganization: Problem(.notFound, "There is no such organization.")
        case .unauthorized: Problem(.conflict, "An admin of the org has to consent first.")
        case .illegalTransition: Problem(.conflict, "The organization's status does not allow this.")
        case .refreshTimedOut, .refreshRefused:
            unavailable("Salesforce does not answer at the moment. Please try again.")
        case .wrongSecret, .unreadableCredential, .malformedArguments, .malformedRow, .mailRefused,
            .webhookFailed, .webhookRefused:
            nil
        }
    }

    private static func problem(for error: SalesforceError) -> Problem? {
        switch error.code {
        case .timedOut, .queryTimeout: Problem(.gatewayTimeout, "Salesforce took too long to answer.")
        case .requestLimit, .rateLimited:
            unavailable("The org has reached a request limit of Salesforce. Please try again later.")
        case .hostNotAllowed: Problem(.badRequest, "This is not a login domain of Salesforce.")
        case .forbidden, .accessDenied: Problem(.forbidden, "Salesforce denied access.")
        default:
            error.isTransient
                ? unavailable("Salesforce does not answer at the moment. Please try again.")
                : Problem(.badGateway, "Salesforce sent an unexpected answer.")
        }
    }

    private static func unavailable(_ text: String) -> Problem {
        Problem(.serviceUnavailable, text, headers: ["Retry-After": "5"])
    }
}
