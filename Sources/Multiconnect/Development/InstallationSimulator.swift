import Cryptography
import FoundationEssentials
import HTTPClient
import OrgSimulator
import Reactor

/// Simulates the package's post-install call and the admin's consent, over HTTP.
struct InstallationSimulator: Sendable {
    /// A step got an unexpected answer.
    struct Refused: Error, CustomStringConvertible {
        let step: String
        let status: Int
        let body: String
        var description: String { "\(step) failed with status \(status): \(body.prefix(500))" }
    }

    let applicationURL: String
    let simulatorURL: String
    let http: HTTPClient
    /// The application's `CALLBACK_SECRET`; nil: calls are not signed.
    let callbackSecret: Secret?

    /// Sends the request of the package's post-install Apex, byte for byte.
    func install(_ org: SimulatedOrg) async throws {
        // Mails per recipient are limited, so each org has its own admin.
        let admin = "admin@\(org.id.lowercased()).example.com"
        let registration = PackageRegistration(
            organizationID: org.id, organizationName: org.name, adminEmail: admin, myDomain: org.myDomain)
        let headers = registration.headers(
            secret: callbackSecret, seconds: Int(Date().timeIntervalSince1970))
        let answer = try await send(
            ClientRequest(
                method: "POST", url: applicationURL + PackageRegistration.path,
                headers: PackageRegistration.calloutHeaders + headers, body: registration.body),
            of: org)
        try expect([202], answer, "POST /organizations for \(org.name)")
    }

    /// Sends the requests of the admin's browser, from the link in the mail to the last page.
    func consent(_ org: SimulatedOrg, link: String) async throws {
        let page = try await http.send(ClientRequest(url: link))
        try expect([200], page, "the link in the mail")
        let begin = "\(applicationURL)/auth/salesforce?environment=production&org_id=\(org.id)"
        let redirect = try await send(ClientRequest(url: begin), of: org)
        try expect([302, 303], redirect, "/auth/salesforce")
        let cookies = redirect.headers.values("Set-Cookie").map { String($0.prefix { $0 != ";" }) }
        let authorize = redirect.headers["Location"] ?? ""
        guard let query = URLComponents(string: authorize)?.percentEncodedQuery,
            let admin = org.users.first?.username
        else {
            throw Refused(step: "/auth/salesforce", status: redirect.status, body: "Location: \(authorize)")
        }
        // The simulator's form: the parameters of the page, the user, and the button.
        let form = "\(query)&username=\(admin)&decision=allow"
        let allowed = try await http.send(
            ClientRequest(
                method: "POST", url: simulatorURL + "/services/oauth2/authorize",
                headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8)))
        try expect([302, 303], allowed, "the consent page")
        let callback = ClientRequest(
            url: allowed.headers["Location"] ?? "", headers: [("Cookie", cookies.joined(separator: "; "))])
        try expect([200, 302, 303], try await http.send(callback), "/auth/salesforce/callback")
    }

    /// Sends a request from the org's address. After status 429 it waits for `Retry-After` and sends it
    /// again.
    private func send(_ request: ClientRequest, of org: SimulatedOrg) async throws -> ClientResponse {
        var request = request
        request.headers.append(("X-Forwarded-For", org.address))
        while true {
            let answer = try await http.send(request)
            guard answer.status == 429, let seconds = answer.headers["Retry-After"].flatMap({ Int($0) })
            else {
                return answer
            }
            StandardOutput.write(line: "\(org.name): rate limit reached, waiting \(seconds) s")
            try await EventLoop.current.sleep(for: .seconds(seconds))
        }
    }

    private func expect(_ statuses: [Int], _ answer: ClientResponse, _ step: String) throws {
        guard statuses.contains(answer.status) else {
            throw Refused(
                step: step, status: answer.status, body: String(decoding: answer.body, as: UTF8.self))
        }
    }
}
