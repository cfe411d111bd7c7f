internal import Activity
package import Cryptography
internal import Encoding
internal import FoundationEssentials
package import Postgres
package import Salesforce

/// Logins of end users with their own accounts in Salesforce, and their sessions.
package struct EndUserLogin: Sendable {
    /// The result of a login.
    package enum Purpose: String, Sendable {
        case session
        /// The user approves the app, so that Salesforce shows its Canvas page. No session begins.
        case canvas
    }

    /// Why a login is refused.
    package enum Refusal: String, Error, Sendable {
        case unknownState = "This login did not start in this browser, or took too long. Please start again."
        case denied = "Salesforce did not grant access."
        case notRegistered = "Your org is not connected to this service."
        case accessOff = "Your org's users may not use this service."
        case foreignAnswer = "Salesforce's answer is incomplete. Please start again."
    }

    /// The address to send the browser to, and its cookie.
    package struct Start: Sendable {
        package let authorizeURL: String
        /// The value of the login cookie.
        package let cookie: String
        package let lifetime: Duration
    }

    /// A finished login.
    package enum Result: Sendable {
        /// The value of the session cookie, and where the browser continues.
        case session(cookie: String, lifetime: Duration, returnPath: String, organization: OrganizationID)
        case approved
    }

    private let pool: PostgresPool
    private let keys: KeyRing
    private let oauth: OAuthClient

    /// All parameters belong to one loop.
    ///
    /// - Parameter oauth: its app is for end users.
    package init(pool: PostgresPool, keys: KeyRing, oauth: OAuthClient) {
        self.pool = pool
        self.keys = keys
        self.oauth = oauth
    }

    /// Begins a login.
    ///
    /// - Parameters:
    ///   - returnPath: where the browser goes after it. Another site's address becomes `/`.
    ///   - cookie: the browser's current login cookie, which is kept so that two tabs do not disturb each
    ///     other.
    package func begin(
        _ purpose: Purpose, environment: OrgEnvironment, returnPath: String?, cookie: String?
    ) async throws -> Start {
        let pkce = PKCE(random: try randomBytes(32))
        let state = Base64.encode(try randomBytes(32), .url)
        let browser =
            try cookie.flatMap { Self.isToken($0) ? $0 : nil } ?? Base64.encode(try randomBytes(32), .url)
        let stateHash = Digest.sha256(state)
        let login = try oauth.hosts.loginOrigin(for: environment)
        let begun = EndUserLoginStore.Begun(
            verifier: try keys.seal(pkce.verifier, context: Self.verifierContext(stateHash)).bytes,
            loginURL: login.description, purpose: purpose, returnPath: Self.localPath(returnPath))
        try await pool.transaction { connection in
            try await EndUserLoginStore(on: connection).insert(
                stateHash: stateHash, browserHash: Digest.sha256(browser), begun)
        }
        return Start(
            authorizeURL: oauth.app.authorizeURL(
                at: login, state: state, challenge: pkce.challenge, loginHint: nil),
            cookie: browser, lifetime: OrganizationsLimits.endUserLogin)
    }

    /// Completes a login. Throws `Refusal`, and errors of Salesforce or the database.
    package func finish(_ callback: ConsentCallback, cookie: String?) async throws -> Result {
        guard let state = callback.state, let cookie else { throw Refusal.unknownState }
        let stateHash = Digest.sha256(state)
        let begun = try await pool.withConnection { connection in
            try await EndUserLoginStore(on: connection).take(
                stateHash: stateHash, browserHash: Digest.sha256(cookie))
        }
        guard let begun else { throw Refusal.unknownState }
        guard case .exchange(let code) = callback.step else { throw Refusal.denied }
        let verifier = try keys.open(begun.verifier, context: Self.verifierContext(stateHash))
        let answer = try await exchange(code, verifier, at: try oauth.hosts.checked(begun.loginURL))
        let identity = try await oauth.identity(of: answer)
        guard identity.organization == answer.identity.organization, identity.user == answer.identity.user
        else { throw Refusal.foreignAnswer }
        if begun.purpose == .canvas { return .approved }
        return try await open(answer, identity, begun)
    }

    private func exchange(_ code: String, _ verifier: Secret, at login: Origin) async throws -> TokenAnswer {
        do {
            return try await oauth.exchange(code: code, verifier: verifier, at: login)
        } catch let error as SalesforceError where error.code == .invalidGrant {
            throw Refusal.denied
        } catch let error as SalesforceError where error.code == .badSignature {
            throw Refusal.foreignAnswer
        }
    }

    private func open(
        _ answer: TokenAnswer, _ identity: Identity, _ begun: EndUserLoginStore.Begun
    ) async throws -> Result {
        let instance = try oauth.hosts.checked(answer.instanceURL)
        let token = Base64.encode(try randomBytes(32), .url)
        let sealed = try keys.seal(answer.accessToken, context: Self.tokenContext(identity.organization))
        try await pool.transaction { connection in
            guard let found = try await OrganizationStore(on: connection).find(identity.organization),
                found.status.hasConsented
            else { throw Refusal.notRegistered }
            guard try await EndUserAccessStore(on: connection).access(of: found.id).isOn else {
                throw Refusal.accessOff
            }
            try await EndUserSessionStore(on: connection).begin(
                Digest.sha256(token), organization: found.id, identity: identity, accessToken: sealed.bytes,
                instanceURL: instance.description)
            try await ActivityStore(on: connection).add(
                "end_user_login", by: identity.username, organization: found.id, detail: nil)
        }
        return .session(
            cookie: token, lifetime: OrganizationsLimits.endUserSession, returnPath: begun.returnPath,
            organization: identity.organization)
    }

    /// The session of a cookie. Nil if it has ended, or if the tenant's end users may reach nothing.
    package func session(cookie: String?) async throws -> EndUserSession? {
        guard let cookie, Self.isToken(cookie) else { return nil }
        let found = try await pool.withConnection {
            connection -> (EndUserSessionStore.Stored, EndUserAccess)? in
            guard
                let stored = try await EndUserSessionStore(on: connection).find(Digest.sha256(cookie)),
                stored.status?.hasConsented ?? false
            else { return nil }
            let access = try await EndUserAccessStore(on: connection).access(of: stored.organization)
            return access.isOn ? (stored, access) : nil
        }
        // A key that is no longer known ends the session: the user logs in again.
        guard let (stored, access) = found,
            let token = try? keys.open(
                stored.accessToken, context: Self.tokenContext(stored.organizationID))
        else { return nil }
        return EndUserSession(
            organization: stored.organization, organizationID: stored.organizationID,
            organizationName: stored.organizationName, user: stored.user, username: stored.username,
            displayName: stored.displayName,
            token: AccessToken(
                value: token, instance: try oauth.hosts.checked(stored.instanceURL), version: 0),
            access: access, expiresAt: stored.expiresAt)
    }

    /// Ends the session of a cookie.
    package func end(cookie: String) async throws {
        try await pool.withConnection { connection in
            try await EndUserSessionStore(on: connection).end(Digest.sha256(cookie))
        }
    }

    /// A path of this installation. Browsers read `//host` and a backslash as another site.
    static func localPath(_ path: String?) -> String {
        guard let path, path.hasPrefix("/"), !path.hasPrefix("//"),
            path.utf8.count <= OrganizationsLimits.returnPathBytes,
            path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        return path
    }

    /// Whether a text has the form of our random tokens.
    private static func isToken(_ text: String) -> Bool {
        text.utf8.count == 43 && Base64.decode(text, .url) != nil
    }

    static func verifierContext(_ stateHash: [UInt8]) -> SealContext {
        SealContext(organizationID: Hex.encode(stateHash), purpose: "end user login verifier")
    }

    static func tokenContext(_ organization: OrganizationID) -> SealContext {
        SealContext(organizationID: organization.text, purpose: "end user access token")
    }
}
