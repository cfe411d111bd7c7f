/// The address that identifies a user of an org: `https://login.salesforce.com/id/<org>/<user>`.
package struct IdentityURL: Equatable, Sendable {
    package let origin: Origin
    package let organization: OrganizationID
    package let user: SalesforceID

    /// Throws `.malformedResponse` for other text.
    package init(parsing url: String) throws(SalesforceError) {
        let parts = url.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[3] == "id" else {
            throw SalesforceError(.malformedResponse, message: "not the address of an identity")
        }
        origin = try Origin(parsing: url)
        organization = try OrganizationID(String(parts[4]))
        user = try SalesforceID(String(parts[5]))
        guard user.prefix == "005" else {
            throw SalesforceError(.malformedResponse, message: "not the id of a user")
        }
    }

    package var text: String { "\(origin)/id/\(organization)/\(user)" }
}
