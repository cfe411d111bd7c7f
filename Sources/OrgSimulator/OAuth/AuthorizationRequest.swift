import Encoding
import HTTPWire

/// The parameters of `/services/oauth2/authorize`. Documented: "OAuth 2.0 Web Server Flow".
struct AuthorizationRequest: Sendable {
    let fields: Form

    /// The parameters that the consent form carries along.
    static let names = [
        "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
        "code_challenge_method", "prompt", "login_hint", "display", "immediate", "nonce",
    ]

    /// The error of a request.
    enum Problem: Hashable, Sendable {
        /// Shown on a page: the callback address is not trusted.
        case page(OAuthError)
        /// Sent to the callback address.
        case callback(OAuthError)
    }

    var redirectURI: String { fields["redirect_uri"] ?? "" }
    var challenge: String? { fields["code_challenge"] }
    var loginHint: String? { fields["login_hint"] }

    /// Assumed: without `scope` the app's own scopes are granted. Here these are three.
    var scopes: [String] {
        let scopes = (fields["scope"] ?? "").split(separator: " ").map(String.init)
        return scopes.isEmpty ? ["refresh_token", "api", "id"] : scopes
    }

    func problem(_ configuration: SimulatorConfiguration) -> Problem? {
        guard fields["client_id"] == configuration.clientID else { return .page(.invalidClientID) }
        guard redirectURI.contains("://"),
            configuration.redirectURIs.isEmpty || configuration.redirectURIs.contains(redirectURI)
        else { return .page(.redirectMismatch) }
        guard fields["response_type"] == "code" else {
            return .callback(OAuthError("unsupported_response_type", "response type not supported"))
        }
        if let challenge {
            // Documented: S256 is the only method.
            guard fields["code_challenge_method"] ?? "S256" == "S256", challenge.utf8.count == 43 else {
                return .callback(OAuthError("invalid_request", "invalid code challenge"))
            }
        }
        // Documented: an immediate request fails without an earlier approval, which the simulator never has.
        if fields["immediate"] == "true" {
            return .callback(OAuthError("immediate_unsuccessful", "immediate unsuccessful"))
        }
        return nil
    }

    /// The callback address with these parameters and the caller's state.
    func callback(_ parameters: [(String, String)]) -> Reply {
        let state = fields["state"].map { [("state", $0)] } ?? []
        let query = (parameters + state).map { "\($0.0)=\(PercentCoding.encode($0.1))" }.joined(
            separator: "&")
        return .redirect(to: redirectURI + (redirectURI.contains("?") ? "&" : "?") + query)
    }

    func callback(_ error: OAuthError) -> Reply {
        callback([("error", error.code), ("error_description", error.reason)])
    }
}
