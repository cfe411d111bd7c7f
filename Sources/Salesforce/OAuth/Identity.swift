internal import FoundationEssentials

/// The user who consented, from the identity service.
package struct Identity: Sendable, Equatable {
    package let organization: OrganizationID
    package let user: SalesforceID
    package let username: String
    package let displayName: String?
    package let email: String?
    /// The unchanged document, for Heroku Connect's `user_info`.
    package let document: String

    private struct Body: Decodable {
        var organizationID: String
        var userID: String
        var username: String
        var displayName: String?
        var email: String?

        enum CodingKeys: String, CodingKey {
            case organizationID = "organization_id"
            case userID = "user_id"
            case username
            case displayName = "display_name"
            case email
        }
    }

    /// Parses the document. Throws `.malformedResponse`.
    package init(parsing bytes: [UInt8]) throws(SalesforceError) {
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            throw SalesforceError(
                .malformedResponse, message: "the answer of /id is not an identity document")
        }
        organization = try OrganizationID(body.organizationID)
        user = try SalesforceID(body.userID)
        username = body.username
        displayName = body.displayName
        email = body.email
        document = String(decoding: bytes, as: UTF8.self)
    }
}
