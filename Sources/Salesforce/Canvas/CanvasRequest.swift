package import Cryptography
internal import Encoding
package import FoundationEssentials

/// A signed request of Canvas, after its signature was checked: who looks at our page, in which org, and in
/// which frame.
///
/// Source: Canvas Developer Guide, "Signed Request Authentication" and "Verifying and Decoding a Signed
/// Request": the signature is the base64 HMAC-SHA256 of the envelope's base64 text, with the consumer secret.
package struct CanvasRequest: Sendable {
    /// Why a request is refused. None of them says anything about the secret.
    package enum Refusal: String, Error, Sendable {
        case missing = "the field signed_request is missing"
        case tooLarge = "the signed request is too large"
        case malformed = "the signed request is incomplete"
        case wrongSignature = "the signature is wrong"
        case wrongAlgorithm = "the algorithm is not HMACSHA256"
        case foreignHost = "the instance is not a host of Salesforce"
        case otherOrganization = "the token belongs to another org"
    }

    package let organization: OrganizationID
    package let user: SalesforceID
    /// The user's name, for the page. Text from the org: encode it.
    package let username: String
    /// The origin of the org's API.
    package let instance: Origin
    /// The user's access token.
    package let token: Secret
    /// When Salesforce signed the request. Nil if it does not say.
    package let issuedAt: Date?
    /// The origins whose pages may show ours in a frame: hosts of Salesforce that the request names.
    package let frames: [Origin]
    /// SHA-256 of the signed text. Equal requests have equal digests, however their signature is written.
    package let digest: [UInt8]

    /// Checks and reads the value of the field `signed_request`.
    ///
    /// - Parameter secret: the app's consumer secret.
    package init(verifying text: String?, secret: Secret, hosts: HostRule) throws(Refusal) {
        guard let text, !text.isEmpty else { throw .missing }
        guard text.utf8.count <= SalesforceLimits.canvasBytes else { throw .tooLarge }
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let code = Base64.decode(String(parts[0])) else { throw .malformed }
        let envelope = Array(parts[1].utf8)
        guard HMAC.isValid(code: code, key: secret, message: envelope) else { throw .wrongSignature }
        guard let bytes = Self.decoded(String(parts[1])), let document = try? JSONValue(parsing: bytes)
        else { throw .malformed }
        guard document["algorithm"]?.string == "HMACSHA256" else { throw .wrongAlgorithm }
        digest = Digest.sha256(envelope)
        let context = document["context"]
        let client = document["client"]
        guard let organization = context?["organization"]?["organizationId"]?.string,
            let user = context?["user"]?["userId"]?.string ?? document["userId"]?.string,
            let token = client?["oauthToken"]?.string, !token.isEmpty,
            let instance = client?["instanceUrl"]?.string,
            let organization = try? OrganizationID(organization), let user = try? SalesforceID(user)
        else { throw .malformed }
        guard let instance = try? hosts.checked(instance) else { throw .foreignHost }
        guard Self.belongs(token, to: organization) else { throw .otherOrganization }
        self.organization = organization
        self.user = user
        self.instance = instance
        self.token = Secret(text: token)
        username = context?["user"]?["userName"]?.string ?? ""
        issuedAt = Self.time(document["issuedAt"])
        frames = Self.frames(
            of: instance,
            named: [client?["targetOrigin"]?.string, context?["environment"]?["locationUrl"]?.string], hosts)
    }

    /// The envelope is written in either alphabet, with or without padding.
    private static func decoded(_ text: String) -> [UInt8]? {
        var digits = text[...]
        while digits.hasSuffix("=") { digits.removeLast() }
        let url = digits.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
        return Base64.decode(String(decoding: url, as: UTF8.self), .url)
    }

    /// An access token begins with the org's 15 characters and an exclamation mark.
    private static func belongs(_ token: String, to organization: OrganizationID) -> Bool {
        guard let mark = token.firstIndex(of: "!") else { return true }
        return token[..<mark] == organization.text.prefix(SalesforceID.shortLength)
    }

    /// Seconds or milliseconds since 1970, as a number or as text. Nil for null, as in the documentation.
    private static func time(_ value: JSONValue?) -> Date? {
        guard let number = value?.int ?? value?.string.flatMap({ Int($0) }) else { return nil }
        let seconds = number > SalesforceLimits.latestSecond ? Double(number) / 1000 : Double(number)
        return Date(timeIntervalSince1970: seconds)
    }

    /// All pages around ours must be allowed. In Lightning the outermost page is on a host that the request
    /// may not name, so it is derived from the My Domain.
    private static func frames(of instance: Origin, named: [String?], _ hosts: HostRule) -> [Origin] {
        var frames = [instance]
        for text in named {
            if let text, let origin = try? hosts.checked(text), !frames.contains(origin) {
                frames.append(origin)
            }
        }
        let suffix = ".my.salesforce.com"
        if instance.host.hasSuffix(suffix),
            let lightning = try? Origin(
                host: instance.host.dropLast(suffix.count) + ".lightning.force.com"),
            !frames.contains(lightning)
        {
            frames.append(lightning)
        }
        return frames
    }
}
