internal import Encoding

/// The org and the user of an access token, as the org itself says.
package struct TokenOwner: Sendable, Equatable {
    package let organization: OrganizationID
    package let user: SalesforceID

    /// Parses the answer of `/services/oauth2/userinfo`. Throws `.malformedResponse`, `.malformedID`.
    init(parsing bytes: [UInt8]) throws(SalesforceError) {
        guard let body = try? JSONValue(answer: bytes), let organization = body["organization_id"]?.string,
            let user = body["user_id"]?.string
        else {
            throw SalesforceError(.malformedResponse, message: "not the answer of userinfo")
        }
        self.organization = try OrganizationID(organization)
        self.user = try SalesforceID(user)
    }
}
