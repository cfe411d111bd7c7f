package import Salesforce

/// The address that an admin opens to consent: `/authenticate` of this app, with the org named.
package enum ConsentLink {
    /// The query's name for the org id.
    package static let organizationParameter = "org_id"

    /// `appURL` is `APP_URL`, without a slash at its end or with one.
    package static func url(appURL: String, organization: OrganizationID) -> String {
        let base = appURL.hasSuffix("/") ? String(appURL.dropLast()) : appURL
        return "\(base)/authenticate?\(organizationParameter)=\(organization)"
    }
}
