import Cryptography
import Foundation
import HTTPClient
import OrgSimulator
import Reactor
import Support
import Synchronization
import Testing

@testable import Salesforce

/// A simulated org and a client of it whose token provider refreshes with the org's own OAuth.
struct SimulatedOrg: Sendable {
    let rest: RESTClient
    let oauth: OAuthClient
    let summary: Simulator.OrgSummary
    let origin: Origin
    let http: HTTPClient
    let tokens: TokenProvider
    /// The quota as last reported by answers.
    let usage: Usage

    final class Usage: Sendable {
        private let last = Mutex<LimitInfo?>(nil)
        func note(_ info: LimitInfo) { last.withLock { $0 = info } }
        var latest: LimitInfo? { last.withLock { $0 } }
    }

    /// The token, its version and the refresh token, as a store would hold them.
    private final class Grant: Sendable {
        struct State {
            var token: AccessToken
            var refreshToken: Secret
        }
        let state: Mutex<State>
        init(_ state: State) { self.state = Mutex(state) }
    }

    static func run(
        _ configure: (inout SimulatorConfiguration) -> Void = { _ in },
        _ body: @concurrent @Sendable (SimulatedOrg) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.orgs = 1
        configuration.accounts = 20
        configuration.contacts = 20
        configuration.tweets = 5
        configure(&configuration)
        let simulator = Simulator(configuration)
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let origin = "http://127.0.0.1:\(listener.address.port)"
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await simulator.serve(on: listener) }
                try await body(try await connect(simulator, origin))
                group.cancelAll()
            }
        }
    }

    private static func connect(_ simulator: Simulator, _ origin: String) async throws -> SimulatedOrg {
        let http = HTTPClient()
        let hosts = try HostRule(loginURL: origin)
        let app = ConnectedApp(
            key: "simulator-client", secret: Secret(text: "simulator-secret"),
            redirectURL: "https://app.example/back")
        let oauth = OAuthClient(app: app, hosts: hosts, http: http)
        let summary = simulator.orgs[0]
        let answer = try await consent(oauth, http, as: summary.usernames[0])
        let grant = Grant(
            .init(
                token: AccessToken(
                    value: answer.accessToken, instance: try hosts.checked(answer.instanceURL), version: 1),
                refreshToken: try #require(answer.refreshToken)))
        let usage = Usage()
        let tokens: TokenProvider = { refused in try await refreshed(grant, oauth, refused) }
        let rest = RESTClient(
            http: http, hosts: hosts, tokens: tokens,
            gate: CallGate(usage: { usage.note($0) }))
        return SimulatedOrg(
            rest: rest, oauth: oauth, summary: summary, origin: hosts.login, http: http, tokens: tokens,
            usage: usage)
    }

    private static func refreshed(
        _ grant: Grant, _ oauth: OAuthClient, _ refused: AccessToken?
    ) async throws -> AccessToken {
        let (token, refreshToken) = grant.state.withLock { ($0.token, $0.refreshToken) }
        guard refused?.version == token.version else { return token }
        let answer = try await oauth.refresh(refreshToken, at: oauth.hosts.login)
        let next = AccessToken(
            value: try #require(answer.accessToken), instance: token.instance, version: token.version + 1)
        grant.state.withLock { $0.token = next }
        return next
    }

    /// The web server flow, with a browser that allows access at once.
    static func consent(_ oauth: OAuthClient, _ http: HTTPClient, as username: String) async throws
        -> TokenAnswer
    {
        let pkce = PKCE(random: try randomBytes(32))
        let url = oauth.app.authorizeURL(
            at: oauth.hosts.login, state: "state", challenge: pkce.challenge, loginHint: nil)
        let response = try await http.send(
            ClientRequest(url: url, headers: [("X-Simulator-User", username)], deadline: .now + .seconds(30)))
        let items = URLComponents(string: response.headers["Location"] ?? "")?.queryItems ?? []
        let code = try #require(items.first { $0.name == "code" }?.value)
        return try await oauth.exchange(code: code, verifier: pkce.verifier, at: oauth.hosts.login)
    }

    /// Changes records of the org: see `OrgChangeRequest`.
    func change(_ body: String) async throws {
        let request = ClientRequest(
            method: "POST", url: "\(origin)/simulator/orgs/1/changes", body: Array(body.utf8),
            deadline: .now + .seconds(30))
        let answer = try await http.send(request)
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    func fault(_ body: String) async throws {
        let request = ClientRequest(
            method: "POST", url: "\(origin)/simulator/faults", body: Array(body.utf8),
            deadline: .now + .seconds(30))
        #expect(try await http.send(request).status == 204)
    }

    func code(_ body: () async throws -> Void) async -> SalesforceError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? SalesforceError)?.code
        }
    }
}
