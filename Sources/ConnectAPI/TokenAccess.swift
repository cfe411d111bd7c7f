import FoundationEssentials
import HTTPServer
import HTTPWire
import TenantAdmin

/// Checks the tokens of API clients (RFC 6750): `Authorization: Bearer mct_...`.
package struct TokenAccess: Sendable {
    /// Counts requests by token and wrong tokens by address, for all loops of a process.
    package struct Counts: Sendable {
        fileprivate let requests = RateLimiter(rate: ConnectLimits.requests)
        fileprivate let failures = RateLimiter(rate: ConnectLimits.failures)

        package init() {}
    }

    let tenants: TenantOperator
    let counts: Counts

    /// The valid token of a request. Throws a 401 `Problem` without one, and 429 if there are too many.
    func token(of request: Request) async throws -> APIToken {
        let address = RateLimiter.addressKey(request.clientAddress)
        if let wait = counts.failures.wait(for: address) { throw Self.tooMany(wait) }
        let parts = (request.headers["authorization"] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else {
            throw Self.unknown("The request has no token: send it as Authorization: Bearer TOKEN.")
        }
        let text = parts[1].trimmingPrefix(while: { $0 == " " })
        guard let hash = APIToken.hash(of: String(text)), let token = try await tenants.token(hash: hash),
            token.isValid(at: Date())
        else {
            _ = counts.failures.take(address)
            throw Self.unknown("The token is not valid. `multiconnect tokens create` makes one.")
        }
        if let wait = counts.requests.take(token.id.uuidString) { throw Self.tooMany(wait) }
        return token
    }

    private static func unknown(_ text: String) -> Problem {
        Problem(.unauthorized, text, headers: ["WWW-Authenticate": "Bearer realm=\"multiconnect\""])
    }

    private static func tooMany(_ wait: Duration) -> Problem {
        Problem(
            .tooManyRequests, "Too many requests. The header Retry-After says when to go on.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }
}
