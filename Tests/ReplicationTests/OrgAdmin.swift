import Cryptography
import Foundation
import HTTPClient
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Salesforce
import Testing

/// Registers a simulated org and gives the consent of its admin, who uses no browser.
struct OrgAdmin: Sendable {
    let http: HTTPClient
    let control: PostgresPool
    let keys: KeyRing
    let hosts: HostRule

    private var queue: JobQueue { JobQueue(pool: control, logger: Logger(label: "test")) }

    private var oauth: OAuthClient {
        OAuthClient(
            app: ConnectedApp(
                key: "simulator-client", secret: Secret(text: "simulator-secret"),
                redirectURL: "https://app.example/auth/salesforce/callback"), hosts: hosts, http: http)
    }

    /// Clients that use the stored tokens.
    var sessions: OrgSessions {
        OrgSessions(
            http: http, hosts: hosts,
            tokens: AccessTokens(
                pool: control, queue: queue, keys: keys, oauth: oauth, executor: EventLoop.current),
            usage: APIUsage())
    }

    func consent(_ id: OrganizationID, as username: String) async throws -> Organization {
        _ = try await OrganizationRegistration(pool: control, queue: queue).register(
            RegistrationRequest(
                organization: id, name: try #require(OrganizationName("Acme")),
                adminEmail: try #require(EmailAddress("admin@example.com")), environment: nil))
        let consent = Consent(
            pool: control, queue: queue, keys: keys, oauth: oauth, http: http, writes: .planned,
            logger: Logger(label: "test"))
        let start = try await consent.begin(organization: id, environment: nil, cookie: nil)
        let answer = try await http.send(
            ClientRequest(
                url: start.authorizeURL, headers: [("X-Simulator-User", username)],
                deadline: .now + .seconds(30)))
        let location = try #require(answer.headers["Location"].flatMap { URLComponents(string: $0) })
        func value(_ name: String) -> String? { location.queryItems?.first { $0.name == name }?.value }
        return try await consent.finish(
            ConsentCallback(state: value("state"), code: value("code"), error: value("error")),
            cookie: start.cookie
        ).organization
    }
}
