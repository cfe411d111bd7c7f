import Encoding
import Foundation
import HTTPClient
import OrgSimulator
import Testing

/// Follows redirects like a browser, and keeps the cookie.
final class AdminBrowser {
    private let rig: WebRig
    private var cookie: String?

    init(rig: WebRig) {
        self.rig = rig
    }

    /// From the link in the mail to the last page. Also returns the URL to which Salesforce redirected.
    func consent(
        _ org: Simulator.OrgSummary?, as user: String, decision: String = "allow", next: String? = nil
    ) async throws -> (page: ClientResponse, callback: String) {
        let callback = try await begin(org, as: user, decision: decision, next: next)
        return (try await open(callback), callback)
    }

    func begin(
        _ org: Simulator.OrgSummary?, as user: String, decision: String, next: String? = nil
    ) async throws -> String {
        var query = org.map { "?org_id=\($0.id)" } ?? ""
        query += next.map { "\(query.isEmpty ? "?" : "&")next=\(PercentCoding.encode($0))" } ?? ""
        #expect(try await open("/authenticate" + query).status == 200)
        let start = try await open("/auth/salesforce" + query)
        let authorize = try #require(start.headers["Location"].flatMap { URLComponents(string: $0) })
        var form = URLComponents()
        form.queryItems =
            (authorize.queryItems ?? []) + [
                URLQueryItem(name: "username", value: user), URLQueryItem(name: "decision", value: decision),
            ]
        let origin = "\(authorize.scheme ?? "")://\(authorize.host ?? ""):\(authorize.port ?? 0)"
        let fields = (form.percentEncodedQuery ?? "").replacing("+", with: "%2B")
        let answer = try await rig.http.send(
            ClientRequest(
                method: "POST", url: origin + authorize.path,
                headers: [(name: "Content-Type", value: "application/x-www-form-urlencoded")],
                body: Array(fields.utf8)))
        return try #require(answer.headers["Location"])
    }

    func open(_ target: String) async throws -> ClientResponse {
        let response = try await rig.get(target, cookie.map { [(name: "Cookie", value: $0)] } ?? [])
        cookie = response.cookie ?? cookie
        return response
    }
}
