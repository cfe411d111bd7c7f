import Cryptography
import Encoding
import Foundation
import HTTPClient
import Logging
import OrgSimulator
import Postgres
import Reactor
import Salesforce
import Testing

@testable import Organizations

/// A simulator, a tenancy, and the services between them, as the composition root creates them for one loop.
struct SimulatedOrgs: Sendable {
    let tenancy: Tenancy
    let orgs: [Simulator.OrgSummary]
    let origin: String
    let http: HTTPClient
    let oauth: OAuthClient
    let tokens: AccessTokens
    let sessions: OrgSessions

    static func run(
        writes: UserRights.Writes = .planned, _ configure: (inout SimulatorConfiguration) -> Void = { _ in },
        _ body: @concurrent @Sendable (SimulatedOrgs) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.orgs = 2
        configuration.accounts = 3
        configuration.contacts = 3
        configuration.tweets = 3
        configure(&configuration)
        let simulator = Simulator(configuration)
        try await Tenancy.run { tenancy in
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let origin = "http://127.0.0.1:\(listener.address.port)"
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await simulator.serve(on: listener) }
                try await body(try SimulatedOrgs(tenancy, simulator.orgs, origin))
                group.cancelAll()
            }
        }
    }

    private init(_ tenancy: Tenancy, _ orgs: [Simulator.OrgSummary], _ origin: String) throws {
        self.tenancy = tenancy
        self.orgs = orgs
        self.origin = origin
        http = HTTPClient()
        let hosts = try HostRule(loginURL: origin)
        let app = ConnectedApp(
            key: "simulator-client", secret: Secret(text: "simulator-secret"),
            redirectURL: "https://app.example/auth/salesforce/callback")
        oauth = OAuthClient(app: app, hosts: hosts, http: http)
        tokens = AccessTokens(
            pool: tenancy.pool, queue: tenancy.queue, keys: tenancy.keys, oauth: oauth,
            executor: EventLoop.current, refusalPause: .zero, pause: {})
        sessions = OrgSessions(http: http, hosts: hosts, tokens: tokens, usage: APIUsage())
    }

    func consent(writes: UserRights.Writes = .planned) -> Consent {
        Consent(
            pool: tenancy.pool, queue: tenancy.queue, keys: tenancy.keys, oauth: oauth, http: http,
            writes: writes,
            logger: Logger(label: "test"))
    }

    func organizationID(_ number: Int) throws -> OrganizationID { try OrganizationID(orgs[number - 1].id) }

    /// Acts as a browser at the authorize page: logs in as the user and allows or denies access.
    func authorize(_ start: Consent.Start, as username: String, deny: Bool = false) async throws
        -> ConsentCallback
    {
        let decision = deny ? "&decision=deny" : ""
        let request = ClientRequest(
            url: start.authorizeURL + decision, headers: [("X-Simulator-User", username)],
            deadline: .now + .seconds(30))
        let response = try await http.send(request)
        let location = try #require(response.headers["Location"].flatMap { URLComponents(string: $0) })
        func value(_ name: String) -> String? { location.queryItems?.first { $0.name == name }?.value }
        return ConsentCallback(state: value("state"), code: value("code"), error: value("error"))
    }

    /// Registers the org and completes a consent of its first user, or of another.
    @discardableResult
    func consented(_ number: Int = 1, as username: String? = nil) async throws -> Organization {
        let organization = try organizationID(number)
        _ = try await OrganizationRegistration(pool: tenancy.pool, queue: tenancy.queue)
            .register(tenancy.request(organization.text))
        let start = try await consent().begin(organization: organization, environment: nil, cookie: nil)
        let callback = try await authorize(start, as: username ?? orgs[number - 1].usernames[0])
        return try await consent().finish(callback, cookie: start.cookie).organization
    }

    func fault(_ body: String) async throws {
        let request = ClientRequest(
            method: "POST", url: origin + "/simulator/faults",
            headers: [("Content-Type", "application/json")],
            body: Array(body.utf8), deadline: .now + .seconds(30))
        #expect(try await http.send(request).status == 204)
    }

    /// The number of calls of a kind to an org.
    func calls(_ kind: CallKind, org number: Int = 1) async throws -> Int {
        let request = ClientRequest(
            url: origin + "/simulator/orgs/\(number)/calls", deadline: .now + .seconds(30))
        let answer = try JSONValue(parsing: try await http.send(request).body)
        return answer[kind.rawValue]?.int ?? 0
    }

    func find(_ organization: Organization) async throws -> Organization {
        try await tenancy.pool.withConnection { try await OrganizationStore(on: $0).get(id: organization.id) }
    }
}
