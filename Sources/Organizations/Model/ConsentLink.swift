internal import Encoding
package import Salesforce

/// The link that an admin opens to consent: `/authenticate` of this app with the org's id.
package enum ConsentLink {
    /// The query parameter of the org id.
    package static let organizationParameter = "org_id"
    /// The query parameter of the org's environment.
    package static let environmentParameter = "environment"
    /// The query parameter of the address to which the browser returns.
    package static let nextParameter = "next"

    /// - Parameters:
    ///   - appURL: `APP_URL`, with or without a final slash.
    ///   - environment: as registered. The page preselects it only if it is confirmed.
    ///   - next: the address to which the browser returns after the consent; nil for our own page.
    package static func url(
        appURL: String, organization: OrganizationID, environment: OrgEnvironment = .production,
        next: String? = nil
    ) -> String {
        let base = appURL.hasSuffix("/") ? String(appURL.dropLast()) : appURL
        // A word or a host needs no percent-encoding.
        let choice = environment == .production ? "" : "\(environmentParameter)=\(environment)&"
        let target = next.map { "&\(nextParameter)=\(PercentCoding.encode($0))" } ?? ""
        return "\(base)/authenticate?\(choice)\(organizationParameter)=\(organization)\(target)"
    }
}
