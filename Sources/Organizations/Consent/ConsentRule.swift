internal import Salesforce

/// The checks before tokens are stored.
enum ConsentRule {
    /// The tokens' org must be registered, must be the org of the link, and must be the org that Salesforce's
    /// identity service names.
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
