import Cryptography
import Encoding
import FoundationEssentials
import HTTPServer
import HTTPWire
import TenantAdmin

/// Checks the credentials of a service (RFC 7617).
struct ServiceAccess: Sendable {
    let cache: ServiceCache

    /// The user name and password of a request. Throws a 401 `Problem` if it has none.
    static func credentials(of request: Request) throws(Problem) -> (user: String, password: String) {
        let parts = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let decoded = Base64.decode(String(parts[1])),
            let text = String(validating: decoded, as: UTF8.self),
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { throw unknown }
        return (String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
    }

    /// Throws 429 after too many wrong credentials from the request's address.
    func checkAddress(of request: Request) throws(Problem) {
        if let wait = cache.failures.wait(for: RateLimiter.addressKey(request.clientAddress)) {
            throw Self.tooMany(wait, "Too many wrong credentials.")
        }
    }

    /// The credential that the request has. An unknown service is refused as a wrong password is.
    func credential(
        of request: Request, _ service: ODataService?, now: Date
    ) throws(Problem) -> ODataService.Credential {
        let (user, password) = try Self.credentials(of: request)
        let hash = Digest.sha256(password)
        var found: ODataService.Credential?
        for credential in service?.credentials ?? [] {
            let isRight = constantTimeEquals(hash, credential.hash)
            let isUser = constantTimeEquals(user, credential.user)
            let isValid = credential.expiresAt.map { now < $0 } ?? true
            if isRight && isUser && isValid { found = credential }
        }
        guard let found else {
            _ = cache.failures.take(RateLimiter.addressKey(request.clientAddress))
            throw Self.unknown
        }
        return found
    }

    static func tooMany(_ wait: Duration, _ text: String) -> Problem {
        Problem(
            .tooManyRequests, "\(text) The header Retry-After says when to go on.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    private static var unknown: Problem {
        Problem(
            .unauthorized, "The service needs its user name and password.",
            headers: ["WWW-Authenticate": "Basic realm=\"multiconnect\""])
    }
}

/// Tokens against requests that a browser sends with credentials it remembers (cross-site request forgery).
struct RequestToken {
    static let header = "X-CSRF-Token"
    private static let day: Double = 24 * 60 * 60

    private let key: [UInt8]

    init(_ credential: ODataService.Credential) {
        key = HMAC.sha256(key: credential.hash, message: Array("multiconnect odata token".utf8))
    }

    /// The token of a day, which is valid on the next one too.
    func text(at now: Date) -> String { text(day: Int(now.timeIntervalSince1970 / Self.day)) }

    private func text(day: Int) -> String {
        Base64.encode(HMAC.sha256(key: key, message: Array("\(day)".utf8)), .url)
    }

    func isValid(_ token: String, at now: Date) -> Bool {
        let today = Int(now.timeIntervalSince1970 / Self.day)
        let isOfToday = constantTimeEquals(token, text(day: today))
        let isOfYesterday = constantTimeEquals(token, text(day: today - 1))
        return isOfToday || isOfYesterday
    }
}
