import HTTPWire
import Organizations

/// What an admin reads when a consent was not accepted: what happened, and what can be done.
struct RefusalPage: Sendable {
    let status: Status
    let title: String
    let explanation: String

    init(_ refusal: ConsentRefusal) {
        status = FaultStatus.status(of: refusal)
        title = Self.title(for: refusal.code)
        explanation = refusal.explanation
    }

    /// The page of `/auth/failure?reason=`, which knows the kind of refusal only.
    init(reason: String?) {
        status = .badRequest
        title = Self.title(for: reason ?? "")
        explanation = Self.general[reason ?? ""] ?? "Salesforce did not grant access. Nothing was stored."
    }

    var content: HTML {
        """
        <p>\(explanation)</p>
        <p><a href="/authenticate">Start again</a></p>
        """
    }

    private static func title(for reason: String) -> String {
        titles[reason] ?? "Consent was not given"
    }

    private static let titles = [
        "malformed_callback": "Salesforce's answer is incomplete",
        "unknown_state": "This consent was not begun here",
        "used_state": "This consent is already over",
        "expired_state": "This consent took too long",
        "other_browser": "This consent belongs to another browser",
        "denied": "Access was denied",
        "code_refused": "Salesforce did not accept the login",
        "bad_signature": "The answer is not Salesforce's",
        "no_refresh_token": "Lasting access was not granted",
        "not_registered": "This org is not registered",
        "other_organization": "This is another org",
        "missing_rights": "This user may not see enough",
    ]

    private static let general = [
        "not_registered": "The org has to install the package first. Nothing was stored.",
        "other_organization":
            "The login was to another org than the one that was asked for. Nothing was stored.",
        "missing_rights":
            "The user needs the permissions API Enabled, View All Data and, where records are written, "
            + "Modify All Data. Nothing was stored.",
    ]
}
