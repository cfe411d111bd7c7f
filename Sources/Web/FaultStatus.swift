package import HTTPServer
import HTTPWire
import Jobs
import Organizations
import Postgres
import Redis
import Salesforce

/// The one table from what can go wrong to what a client is told. Texts are ours: an error's own may quote
/// data.
package enum FaultStatus {
    /// What a client is told; nil for what nobody expected, which is logged and answered with 500.
    package static func problem(for error: any Error) -> Problem? {
        switch error {
        case let problem as Problem: problem
        case let refusal as ConsentRefusal: Problem(status(of: refusal), refusal.explanation)
        case let refusal as CallbackSignature.Refusal: Problem(.unauthorized, refusal.rawValue)
        case let invalid as RegistrationRequest.Invalid:
            Problem(.badRequest, invalid.problems.map(\.description).joined(separator: "; "))
        case let error as OrganizationsError: problem(for: error.code)
        case let error as SalesforceError: problem(for: error)
        case let error as PostgresError where error.isLoginRefusal:
            unavailable("This service cannot log in to its database. Its operators have to mend that.")
        case let error as PostgresError where error.isTransient || error.isConnectionLoss:
            unavailable("The database does not answer at the moment. Please try again.")
        case is RedisError: unavailable("A service does not answer at the moment. Please try again.")
        case is CancellationError: unavailable("The server is restarting. Please try again.")
        default: nil
        }
    }

    /// Whether an operator has to hear of it: it is none of the client's doing.
    static func isOurs(_ problem: Problem?) -> Bool {
        problem.map { $0.status.code >= 500 } ?? true
    }

    /// The status of a page that says why a consent was not accepted.
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
        case .wrongSecret, .unreadableCredential, .malformedArguments, .malformedRow, .mailRefused:
            nil
        }
    }

    private static func problem(for error: SalesforceError) -> Problem? {
        switch error.code {
        case .timedOut, .queryTimeout: Problem(.gatewayTimeout, "Salesforce took too long to answer.")
        case .requestLimit, .rateLimited: unavailable("Salesforce asks to slow down. Please try again later.")
        case .hostNotAllowed: Problem(.badRequest, "This is not a login address of Salesforce.")
        case .forbidden, .accessDenied: Problem(.forbidden, "Salesforce does not allow this.")
        default:
            error.isTransient
                ? unavailable("Salesforce does not answer at the moment. Please try again.")
                : Problem(.badGateway, "Salesforce answered in a way that was not expected.")
        }
    }

    private static func unavailable(_ text: String) -> Problem {
        Problem(.serviceUnavailable, text, headers: ["Retry-After": "5"])
    }
}
