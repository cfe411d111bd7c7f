package import Salesforce

/// The address that an admin opens to consent: `/authenticate` of this app, with the org named.
package enum ConsentLink {
    /// The query's name for the org id.
    package static let organizationParameter = "org_id"
    /// The query's name for where the org's users log in.
    package static let environmentParameter = "environment"

    /// `appURL` is `APP_URL`, without a slash at its end or with one.
    ///
    /// - Parameter environment: as the org was registered. The page fills it in only if it is known to be the org's.
    package static func url(
        appURL: String, organization: OrganizationID, environment: OrgEnvironment = .production
    ) -> String {
        let base = appURL.hasSuffix("/") ? String(appURL.dropLast()) : appURL
        // A word or a host: nothing in it needs percent-coding.
        let choice = environment == .production ? "" : "\(environmentParameter)=\(environment)&"
        return "\(base)/authenticate?\(choice)\(organizationParameter)=\(organization)"
    }
}
