package import Cryptography
internal import Encoding

/// The call that the package's post-install Apex sends: `POST /organizations`.
///
/// `OrgRegistration.cls` writes the same bytes. A test of each side compares its request with the package's
/// static resource `RegistrationFixture`.
package struct PackageRegistration: Sendable {
    private let organizationID: String
    private let organizationName: String
    private let adminEmail: String
    private let myDomain: String

    /// - Parameters:
    ///   - organizationID: 18 characters.
    ///   - myDomain: the host of the org's My Domain.
    package init(
        organizationID: String, organizationName: String, adminEmail: String, myDomain: String
    ) {
        self.organizationID = organizationID
        self.organizationName = organizationName
        self.adminEmail = adminEmail
        self.myDomain = myDomain
    }

    /// The path at the application.
    package static let path = "/organizations"

    /// The members in the order in which the Apex writes them.
    package var body: [UInt8] {
        JSONText.object([
            ("org_id", .string(organizationID)), ("org_name", .string(organizationName)),
            ("admin_email", .string(adminEmail)), ("environment", .string(myDomain)),
        ]).encoded
    }

    /// The fields that the Apex sets, in its order.
    ///
    /// - Parameters:
    ///   - secret: nil: the call is not signed.
    ///   - seconds: the time since 1970.
    package func headers(secret: Secret?, seconds: Int) -> [(name: String, value: String)] {
        Self.headers(of: body, secret: secret, seconds: seconds)
    }

    /// The same for another call of the package's Apex.
    static func headers(of body: [UInt8], secret: Secret?, seconds: Int) -> [(name: String, value: String)] {
        var headers = [
            (name: "Content-Type", value: "application/json"), (name: "Accept", value: "application/json"),
        ]
        guard let secret else { return headers }
        let message = Array("\(seconds).".utf8) + body
        headers.append((name: "X-Multiconnect-Timestamp", value: "\(seconds)"))
        headers.append(
            (
                name: "X-Multiconnect-Signature",
                value: Hex.encode(HMAC.sha256(key: secret, message: message))
            ))
        return headers
    }

    /// The fields that Salesforce adds to each callout. Recorded.
    package static let calloutHeaders = [
        (name: "User-Agent", value: "SFDC-Callout/66.0"), (name: "Cache-Control", value: "no-cache"),
        (name: "Pragma", value: "no-cache"),
    ]
}
