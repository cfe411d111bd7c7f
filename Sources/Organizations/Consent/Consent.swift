internal import Activity
package import Cryptography
internal import Encoding
internal import FoundationEssentials
package import HTTPClient
package import Jobs
package import Logging
package import Postgres
package import Salesforce

/// An admin's consent, from the link to the stored tokens.
package struct Consent: Sendable {
    /// The name of the cookie that binds a consent to the browser that began it.
    package static let cookieName = "multiconnect_consent"

    private let pool: PostgresPool
    private let queue: JobQueue
    private let keys: KeyRing
    private let oauth: OAuthClient
    private let http: HTTPClient
    private let writes: UserRights.Writes
    private let logger: Logger

    /// All parameters belong to one loop.
    ///
    /// - Parameters:
    ///   - http: the client that `oauth` uses, for the rights query.
    ///   - writes: whether a mapping writes to Salesforce, for which a user needs Modify All Data.
    package init(
        pool: PostgresPool, queue: JobQueue, keys: KeyRing, oauth: OAuthClient, http: HTTPClient,
        writes: UserRights.Writes, logger: Logger
    ) {
        self.pool = pool
        self.queue = queue
        self.keys = keys
        self.oauth = oauth
        self.http = http
        self.writes = writes
        self.logger = logger
    }

    /// The address to send the browser to, and its cookie.
    package struct Start: Sendable, Equatable {
        /// Salesforce's authorize page.
        package let authorizeURL: String
        /// The cookie's value.
        package let cookie: String
        /// The cookie's maximum age.
        package let lifetime: Duration
    }

    /// A completed consent.
    package struct Finished: Sendable, Equatable {
        package let organization: Organization
        /// True if tables of an earlier consent have records, which stay.
        package let hadTables: Bool
        /// The address that was given at the start. The caller checks it once more before it redirects to it.
        package let returnTarget: String?
        /// Whether the callback was loaded again after its consent was complete. Nothing was changed.
        package var isRepeated = false
    }

    /// The link with which the consent of a callback began; nil if this browser did not begin it. For the
    /// page of a failed consent, so errors of the database are nil, too.
    package func beginning(of callback: ConsentCallback, cookie: String?) async -> Beginning? {
        guard let state = callback.state, !state.isEmpty, let cookie else { return nil }
        return try? await pool.withConnection { connection in
            try await ConsentStore(on: connection).beginning(
                stateHash: Digest.sha256(state), browserHash: Digest.sha256(cookie))
        }
    }

    /// Begins a consent. Throws `ConsentRefusal.notRegistered` if `organization` is not registered.
    ///
    /// - Parameters:
    ///   - organization: the org of the mail's link; nil if the admin came without a link.
    ///   - environment: the admin's choice; nil for the org's confirmed environment, or production.
    ///   - cookie: the browser's current value, which is kept so that two tabs do not disturb each other.
    ///   - returnTarget: where the browser returns, checked by the caller; nil for our own page.
    package func begin(
        organization: OrganizationID?, environment: OrgEnvironment?, cookie: String?,
        returnTarget: String? = nil
    ) async throws -> Start {
        let pkce = PKCE(random: try randomBytes(32))
        let state = Base64.encode(try randomBytes(32), .url)
        let browser =
            try cookie.flatMap { Self.isCookie($0) ? $0 : nil } ?? Base64.encode(try randomBytes(32), .url)
        let stateHash = Digest.sha256(state)
        let verifier = try keys.seal(pkce.verifier, context: Self.verifierContext(stateHash))
        let login = try await pool.transaction { connection in
            let store = ConsentStore(on: connection)
            try await store.prune()
            let found = try await registered(organization, on: connection)
            let login = try oauth.hosts.loginOrigin(
                for: environment ?? confirmedEnvironment(of: found) ?? .production)
            try await store.insert(
                stateHash: stateHash, browserHash: Digest.sha256(browser),
                .init(
                    organization: found?.id, verifier: verifier.bytes, loginURL: login.description,
                    returnTarget: returnTarget))
            return login
        }
        return Start(
            authorizeURL: oauth.app.authorizeURL(
                at: login, state: state, challenge: pkce.challenge, loginHint: nil),
            cookie: browser, lifetime: OrganizationsLimits.consentLifetime)
    }

    /// Where the org's users log in. Nil for a My Domain that is not confirmed: a stranger may have named it,
    /// and its owner controls the login page. Production and sandbox are Salesforce's own pages.
    private func confirmedEnvironment(of organization: Organization?) -> OrgEnvironment? {
        guard let organization, case .myDomain = organization.environment else {
            return organization?.environment
        }
        return organization.isEnvironmentConfirmed ? organization.environment : nil
    }

    /// Whether an environment in a link is the org's confirmed one.
    package func confirms(_ environment: OrgEnvironment, of organization: OrganizationID) async throws -> Bool
    {
        let found = try await pool.withConnection { try await OrganizationStore(on: $0).find(organization) }
        return confirmedEnvironment(of: found) == environment
    }

    /// Completes a consent: exchanges the code, checks the org and the user's rights, and only then stores
    /// the tokens. Throws `ConsentRefusal` if the consent is not accepted, and errors of Salesforce or the
    /// database.
    package func finish(_ callback: ConsentCallback, cookie: String?) async throws -> Finished {
        guard let state = callback.state, !state.isEmpty else { throw ConsentRefusal.malformedCallback }
        let stateHash = Digest.sha256(state)
        let begun: ConsentStore.Begun
        do {
            begun = try await pool.withConnection { connection in
                try await ConsentStore(on: connection).take(
                    stateHash: stateHash, browserHash: Digest.sha256(cookie ?? ""))
            }
        } catch let refusal as ConsentRefusal {
            if let finished = try await repeated(stateHash, refusal, cookie: cookie) { return finished }
            let bound = try await pool.withConnection { connection in
                try await ConsentStore(on: connection).organization(stateHash: stateHash)
            }
            await note(refusal, bound: bound, named: nil)
            throw refusal
        }
        do {
            let stored = try await complete(callback, begun, stateHash: stateHash)
            return Finished(
                organization: stored.organization, hadTables: stored.hadTables,
                returnTarget: begun.returnTarget)
        } catch let refused as Refused {
            await note(refused.refusal, bound: begun.organization, named: refused.organization)
            throw refused.refusal
        } catch let refusal as ConsentRefusal {
            await note(refusal, bound: begun.organization, named: nil)
            throw refusal
        } catch {
            await noteFailure(error, of: begun.organization)
            throw error
        }
    }

    /// The outcome of a callback that the admin's browser loads again. Nil for any other refusal.
    ///
    /// The cookie lives as long as a consent may take. Throws `ConsentRefusal.usedState` for a later
    /// callback, which learns nothing about the org and is no news for operators.
    private func repeated(
        _ stateHash: [UInt8], _ refusal: ConsentRefusal, cookie: String?
    ) async throws -> Finished? {
        guard refusal == .usedState || refusal == .otherBrowser && cookie == nil else { return nil }
        let found = try await pool.withConnection { connection -> Finished? in
            guard let completed = try await ConsentStore(on: connection).completed(stateHash: stateHash),
                let organization = try await OrganizationStore(on: connection).find(
                    id: completed.organization),
                organization.status.hasConsented
            else { return nil }
            return Finished(
                organization: organization, hadTables: true, returnTarget: completed.returnTarget,
                isRepeated: true)
        }
        guard let found else { return nil }
        logger.info(
            "consent repeated", metadata: ["organization": "\(found.organization.organizationID)"])
        guard refusal == .usedState else { throw ConsentRefusal.usedState }
        return found
    }

    /// Notifies operators of an error: the admin sees an error page and must begin again.
    private func noteFailure(_ error: any Error, of organization: UUID?) async {
        do {
            try await pool.transaction { connection in
                try await NotificationStore(on: connection).addOnce(
                    NotificationEvent.consentFailed, organization: organization,
                    message: "A consent could not be completed: \(error)")
            }
        } catch let other {
            logger.warning(
                "could not record failed consent",
                metadata: ["consent_error": "\(error)", "error": "\(other)"])
        }
    }

    /// An accepted consent.
    private struct Stored {
        let organization: Organization
        let hadTables: Bool
    }

    /// A refusal after Salesforce has named the org.
    private struct Refused: Error {
        let refusal: ConsentRefusal
        let organization: OrganizationID
    }

    private func complete(
        _ callback: ConsentCallback, _ begun: ConsentStore.Begun, stateHash: [UInt8]
    ) async throws -> Stored {
        switch callback.step {
        case .refuse(let refusal): throw refusal
        case .exchange(let code):
            let verifier = try keys.open(begun.verifier, context: Self.verifierContext(stateHash))
            let login = try oauth.hosts.checked(begun.loginURL)
            let answer = try await exchange(code, verifier: verifier, at: login)
            do {
                return try await accept(
                    answer, bound: begun.organization, login: login, stateHash: stateHash)
            } catch let refusal as ConsentRefusal {
                // Not after other errors: if a commit's answer was lost, the grant may be stored and in use.
                await revoke(answer, at: login)
                throw Refused(refusal: refusal, organization: answer.identity.organization)
            }
        }
    }

    /// Records a refusal with its tenant, and notifies operators. The admin sees the refusal even if this
    /// fails.
    ///
    /// - Parameters:
    ///   - bound: the tenant of the link.
    ///   - named: the org in Salesforce's answer.
    private func note(_ refusal: ConsentRefusal, bound: UUID?, named: OrganizationID?) async {
        do {
            let organization = try await pool.transaction { connection -> OrganizationID? in
                let store = OrganizationStore(on: connection)
                var found: Organization?
                if let bound { found = try await store.find(id: bound) }
                if found == nil, let named { found = try await store.find(named) }
                guard let found else { return named }
                try await ActivityStore(on: connection).add(
                    "consent_refused", by: "admin", organization: found.id,
                    detail: "\(refusal.code): \(refusal.explanation)",
                    hourlyLimit: OrganizationsLimits.refusedConsents)
                try await NotificationStore(on: connection).addOnce(
                    NotificationEvent.consentRefused, organization: found.id,
                    message: "A consent was refused (\(refusal.code)): \(refusal.explanation)")
                return found.organizationID
            }
            logger.info(
                "consent refused",
                metadata: [
                    "organization": "\(organization?.text ?? "unknown")", "reason": "\(refusal.code)",
                ])
        } catch {
            logger.warning(
                "could not record refused consent",
                metadata: ["reason": "\(refusal.code)", "error": "\(error)"])
        }
    }

    private func exchange(_ code: String, verifier: Secret, at login: Origin) async throws -> TokenAnswer {
        do {
            return try await oauth.exchange(code: code, verifier: verifier, at: login)
        } catch let error as SalesforceError where error.code == .invalidGrant {
            throw ConsentRefusal.codeRefused
        } catch let error as SalesforceError where error.code == .badSignature {
            throw ConsentRefusal.badSignature
        }
    }

    private func accept(
        _ answer: TokenAnswer, bound: UUID?, login: Origin, stateHash: [UInt8]
    ) async throws -> Stored {
        guard let refreshToken = answer.refreshToken else { throw ConsentRefusal.noRefreshToken }
        let instance = try oauth.hosts.checked(answer.instanceURL)
        let identity = try await oauth.identity(of: answer)
        try await checkOrganization(answer, identity, bound: bound)
        try await checkRights(answer, identity, at: instance)
        let organization = identity.organization
        let grant = SealedGrant(
            accessToken: try keys.seal(
                answer.accessToken, context: StoredGrant.Purpose.accessToken.context(organization)),
            refreshToken: try keys.seal(
                refreshToken, context: StoredGrant.Purpose.refreshToken.context(organization)),
            instanceURL: instance.description)
        return try await store(grant, of: identity, login: login, stateHash: stateHash)
    }

    private func checkOrganization(_ answer: TokenAnswer, _ identity: Identity, bound: UUID?) async throws {
        let (found, boundTo) = try await pool.withConnection { connection in
            let store = OrganizationStore(on: connection)
            let found = try await store.find(answer.identity.organization)
            guard let bound else { return (found, OrganizationID?.none) }
            return (found, try await store.get(id: bound).organizationID)
        }
        let refusal = ConsentRule.refusal(
            token: answer.identity.organization, identity: identity.organization, bound: boundTo,
            status: found?.status)
        if let refusal { throw refusal }
    }

    private func checkRights(_ answer: TokenAnswer, _ identity: Identity, at instance: Origin) async throws {
        let token = AccessToken(value: answer.accessToken, instance: instance, version: 0)
        let rest = RESTClient(http: http, hosts: oauth.hosts, tokens: { _ in token })
        let rights: UserRights
        do {
            rights = try await rest.rights(of: identity.user)
        } catch let error as SalesforceError where error.code == .forbidden {
            // A user without API Enabled cannot query rights either.
            throw ConsentRefusal.missingRights(user: identity.username, [.apiEnabled])
        }
        let refusal = ConsentRule.refusal(rights: rights, writes: writes, user: identity.username)
        if let refusal { throw refusal }
    }

    /// Tokens, status, activity and the provisioning job are one transaction.
    private func store(
        _ grant: SealedGrant, of identity: Identity, login: Origin, stateHash: [UInt8]
    ) async throws -> Stored {
        let (stored, job) = try await pool.transaction { connection in
            let store = OrganizationStore(on: connection)
            guard let found = try await store.lock(identity.organization),
                let status = found.status.afterConsent
            else { throw ConsentRefusal.notRegistered(identity.organization) }
            try await CredentialStore(on: connection).replace(
                found.id, with: grant, loginURL: login.description, identity: identity.document)
            try await store.markAuthorized(
                found.id, status: status, environment: oauth.hosts.environment(loggedInAt: login))
            try await ConsentStore(on: connection).complete(stateHash: stateHash, organization: found.id)
            if status == .authorized {
                try await ConnectionStore(on: connection).setState(of: found.id, to: .importConfiguration)
            }
            try await ActivityStore(on: connection).add(
                "consent_given", by: "admin", organization: found.id, detail: "as \(identity.username)")
            try await NotificationStore(on: connection).resolve(Self.consentResolves, organization: found.id)
            let job = try await queue.enqueue(OrganizationJob.provision(found.id), on: connection)
            let stored = Stored(
                organization: try await store.get(id: found.id),
                hadTables: try await ConnectionStore(on: connection).hasTables(of: found.id))
            return (stored, job)
        }
        await queue.push([job])
        return stored
    }

    /// The notifications whose cause a consent removes.
    private static let consentResolves = [
        NotificationEvent.unauthorized, NotificationEvent.consentRefused, NotificationEvent.consentFailed,
        NotificationEvent.refreshRefused,
        NotificationEvent.mailFailed, NotificationEvent.registrationUnreachable,
    ]

    /// Revokes a grant that is not stored. If that fails, the admin still sees the refusal.
    private func revoke(_ answer: TokenAnswer, at login: Origin) async {
        do {
            try await oauth.revoke(answer.refreshToken ?? answer.accessToken, at: login)
        } catch {
            logger.debug("could not revoke a refused grant", metadata: ["error": "\(error)"])
        }
    }

    /// Returns nil if `organization` is nil. Throws `ConsentRefusal.notRegistered` unless the org waits for a
    /// consent or has one.
    private func registered(
        _ organization: OrganizationID?, on connection: PostgresConnection
    ) async throws -> Organization? {
        guard let organization else { return nil }
        guard let found = try await OrganizationStore(on: connection).find(organization),
            found.status.afterConsent != nil
        else {
            let refusal = ConsentRefusal.notRegistered(organization)
            logger.info(
                "consent refused", metadata: ["organization": "\(organization)", "reason": "\(refusal.code)"])
            throw refusal
        }
        return found
    }

    /// The seal of a verifier is bound to its state, because the org may not be known yet.
    static func verifierContext(_ stateHash: [UInt8]) -> SealContext {
        SealContext(organizationID: Hex.encode(stateHash), purpose: "consent verifier")
    }

    private static func isCookie(_ text: String) -> Bool {
        Base64.decode(text, .url)?.count == 32
    }
}
