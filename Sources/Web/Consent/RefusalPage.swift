import HTTPWire
import Organizations
import Pages

/// The page for a refused consent: what happened, and what the admin can do.
struct RefusalPage: Sendable {
    let status: Status
    let title: String
    let explanation: String
    /// The path that starts the consent again.
    private let again: String

    init(_ refusal: ConsentRefusal, again: String) {
        self.again = again
        status = FaultStatus.status(of: refusal)
        title = Self.title(for: refusal.code)
        explanation = refusal.explanation
    }

    /// The page of `/auth/failure?reason=`. Only the kind of refusal is known.
    init(reason: String?) {
        again = ConsentFailure.path(organization: nil)
        status = .badRequest
        title = Self.title(for: reason ?? "")
        explanation = Self.general[reason ?? ""] ?? "Salesforce did not grant access. Nothing was stored."
    }

    var content: HTML {
        """
        <p>\(explanation)</p>
        \(Self.link(again))
        """
    }

    /// The link that starts a consent again.
    static func link(_ path: String) -> HTML { "<p><a class=\"again\" href=\"\(path)\">Start again</a></p>" }

    private static func title(for reason: String) -> String {
        titles[reason] ?? "Consent was not given"
    }

    private static let titles = [
        "malformed_callback": "Salesforce's answer is incomplete",
        "unknown_state": "This consent was not started here",
        "used_state": "This consent was already used",
        "expired_state": "This consent has expired",
        "other_browser": "This consent belongs to another browser",
        "denied": "Access was denied",
        "code_refused": "Salesforce did not accept the login",
        "bad_signature": "The answer is not from Salesforce",
        "no_refresh_token": "Offline access was not granted",
        "not_registered": "This org is not registered",
        "other_organization": "This is a different org",
        "missing_rights": "This user lacks permissions",
    ]

    private static let general = [
        "not_registered": "Install the package in the org first. Nothing was stored.",
        "other_organization":
            "The login was for a different org than the link. Nothing was stored.",
        "missing_rights":
            "The user needs the permissions API Enabled and View All Data, and Modify All Data if records "
            + "are written. Nothing was stored.",
    ]
}
