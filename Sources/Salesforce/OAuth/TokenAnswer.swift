package import Cryptography
internal import Encoding
internal import FoundationEssentials

/// The token endpoint's answer to a code. An incomplete or unsigned answer is refused.
package struct TokenAnswer: Sendable {
    package let accessToken: Secret
    /// Nil if the scope lacks `refresh_token`.
    package let refreshToken: Secret?
    /// The origin of the org's API, not yet checked against the host rule.
    package let instanceURL: String
    package let identity: IdentityURL
    /// Milliseconds since 1970, as text.
    package let issuedAt: String
    package let scope: String?
    private let identityText: String
    private let signature: String

    private struct Body: Decodable {
        var accessToken: String
        var refreshToken: String?
        var instanceURL: String
        var id: String
        var issuedAt: String
        var signature: String
        var scope: String?

        enum CodingKeys: String, CodingKey {
            case accessToken = "access_token"
            case refreshToken = "refresh_token"
            case instanceURL = "instance_url"
            case id
            case issuedAt = "issued_at"
            case signature
            case scope
        }
    }

    /// Parses the body. Throws `.malformedResponse`.
    package init(parsing bytes: [UInt8]) throws(SalesforceError) {
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            throw SalesforceError(.malformedResponse, message: "not the answer of a token endpoint")
        }
        guard !body.accessToken.isEmpty, body.refreshToken?.isEmpty != true else {
            throw SalesforceError(.malformedResponse, message: "the token endpoint sent an empty token")
        }
        accessToken = Secret(text: body.accessToken)
        refreshToken = body.refreshToken.map(Secret.init(text:))
        instanceURL = body.instanceURL
        identityText = body.id
        identity = try IdentityURL(parsing: body.id)
        issuedAt = body.issuedAt
        signature = body.signature
        scope = body.scope
    }

    /// Throws `.badSignature` unless the signature is the base64 HMAC-SHA256, with the app's secret, of the
    /// identity address and the time of issue. (Help, "OAuth 2.0 Web Server Flow", the parameter
    /// `signature`.)
    package func verify(secret: Secret) throws(SalesforceError) {
        let message = Array((identityText + issuedAt).utf8)
        guard let code = Base64.decode(signature),
            HMAC.isValid(code: code, key: secret, message: message)
        else {
            throw SalesforceError(
                .badSignature, message: "the token's signature was not created with the consumer secret")
        }
    }
}
