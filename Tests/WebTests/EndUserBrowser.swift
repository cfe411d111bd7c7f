import Foundation
import HTTPClient
import Synchronization

/// A browser of an end user: cookies by name, and the login in Salesforce.
final class EndUserBrowser: Sendable {
    let rig: WebRig
    private let cookies = Mutex<[String: String]>([:])

    init(rig: WebRig) { self.rig = rig }

    func cookie(_ name: String) -> String? { cookies.withLock { $0[name] } }

    func send(
        _ method: String, _ url: String, _ headers: [(name: String, value: String)] = [], body: String = "",
        withCookies: Bool = true
    ) async throws -> ClientResponse {
        var headers = headers
        let held = cookies.withLock { $0.map { "\($0.key)=\($0.value)" }.sorted() }
        if withCookies, !held.isEmpty { headers.append(("Cookie", held.joined(separator: "; "))) }
        let response = try await rig.http.send(
            ClientRequest(
                method: method, url: url.hasPrefix("http") ? url : rig.origin + url, headers: headers,
                body: Array(body.utf8)))
        for field in response.headers.values("Set-Cookie") {
            let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            guard let name = pair.first else { continue }
            let value = pair.count > 1 ? String(pair[1]) : ""
            cookies.withLock { $0[String(name)] = value.isEmpty ? nil : value }
        }
        return response
    }

    /// The answer of the callback after a login in Salesforce.
    func login(as user: String, _ query: String = "return=/records") async throws -> ClientResponse {
        try await send("GET", try await callback(as: user, query))
    }

    /// The callback's address after a login in Salesforce.
    func callback(as user: String, _ query: String = "return=/records") async throws -> String {
        let start = try await send("GET", "/login?\(query)")
        let authorize = (start.headers["Location"] ?? "") + "&simulator_user=\(user)"
        let allowed = try await rig.http.send(ClientRequest(url: authorize))
        return allowed.headers["Location"] ?? ""
    }

    /// The CSRF token of the session.
    func csrfToken() async throws -> String {
        try await send("GET", "/api/me").json()["csrfToken"] as? String ?? ""
    }

    /// A call with the session and the CSRF token.
    func change(_ method: String, _ path: String, _ body: String = "") async throws -> ClientResponse {
        let headers = [
            (name: "X-CSRF-Token", value: try await csrfToken()),
            (name: "Content-Type", value: "application/json"),
        ]
        return try await send(method, path, headers, body: body)
    }
}
