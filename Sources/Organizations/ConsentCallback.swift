internal import Salesforce

/// What Salesforce's redirect brings back.
package struct ConsentCallback: Equatable, Sendable {
    package var state: String?
    package var code: String?
    /// OAuth's error code, as `access_denied`.
    package var error: String?

    package init(state: String?, code: String?, error: String?) {
        self.state = state
        self.code = code
        self.error = error
    }

    /// What can be done with a callback once its state was looked up.
    enum Step: Equatable {
        case exchange(code: String)
        case refuse(ConsentRefusal)
    }

    /// Decides by what the query says. The state was taken before, so a denial cannot be replayed either.
    var step: Step {
        if let error, !error.isEmpty {
            return .refuse(.denied(String(error.unicodeScalars.filter(Self.isPlain).prefix(60))))
        }
        guard let code, !code.isEmpty, code.utf8.count <= 2_048 else { return .refuse(.malformedCallback) }
        return .exchange(code: code)
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
        default: false
        }
    }
}

/// The rules between a token answer and storing its tokens.
enum ConsentRule {
    /// The org that the tokens belong to must be registered, be the one that the link was for, and be the one
    /// that Salesforce's identity service names.
    static func refusal(
        token: OrganizationID, identity: OrganizationID, bound: OrganizationID?, status: OrganizationStatus?
    ) -> ConsentRefusal? {
        if identity != token { return .otherOrganization(expected: token, actual: identity) }
        if let bound, bound != token { return .otherOrganization(expected: bound, actual: token) }
        guard let status, status.afterConsent != nil else { return .notRegistered(token) }
        return nil
    }

    static func refusal(rights: UserRights, writes: UserRights.Writes, user: String) -> ConsentRefusal? {
        let missing = rights.missing(writes: writes)
        return missing.isEmpty ? nil : .missingRights(user: user, missing)
    }
}
