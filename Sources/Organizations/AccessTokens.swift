package import Cryptography
package import FoundationEssentials
package import Jobs
package import Postgres
internal import Reactor
package import Salesforce

/// Tenants' access tokens: one refresh per org at a time, over all processes.
///
/// The process that refreshes holds a lease in the database, which is no lock: nothing waits in the database
/// while Salesforce is asked. A rotated token is stored before it is used. A grant ends only by an answer that
/// can mean nothing else, and only if no other process has stored a newer token meanwhile.
package struct AccessTokens: Sendable {
    private let pool: PostgresPool
    private let queue: JobQueue
    private let keys: KeyRing
    private let oauth: OAuthClient
    private let executor: any TaskExecutor
    private let pause: @Sendable () async throws -> Void
    private let refusalPause: Duration

    /// All of one loop.
    ///
    /// - Parameters:
    ///   - executor: that loop.
    ///   - pause: waits before a refresh is sent a second time. Salesforce refuses one that overlaps another.
    ///   - refusalPause: how long nobody asks again after a refusal that does not end the grant.
    package init(
        pool: PostgresPool, queue: JobQueue, keys: KeyRing, oauth: OAuthClient, executor: any TaskExecutor,
        refusalPause: Duration = OrganizationsLimits.refusalPause,
        pause: @escaping @Sendable () async throws -> Void = {
            try await Task.sleep(for: OrganizationsLimits.refreshPause)
        }
    ) {
        self.pool = pool
        self.queue = queue
        self.keys = keys
        self.oauth = oauth
        self.executor = executor
        self.pause = pause
        self.refusalPause = refusalPause
    }

    /// The token provider of one tenant, for `RESTClient`.
    package func provider(for organization: UUID) -> TokenProvider {
        { refused in try await token(for: organization, refused: refused) }
    }

    /// The current token. With the one that Salesforce has just refused, a newer one.
    ///
    /// Throws `OrganizationsError(.unauthorized)` if there is no working grant, `.refreshRefused` if Salesforce
    /// refuses for now, `.refreshTimedOut` if another process takes too long, and what Salesforce or the
    /// database fail with.
    package func token(for organization: UUID, refused: AccessToken?) async throws -> AccessToken {
        let deadline = ContinuousClock.now + OrganizationsLimits.refreshWait
        while true {
            let grant = try await stored(organization)
            if refused.map({ grant.version > $0.version }) ?? true { return try open(grant) }
            // Jobs of one tenant fail together: each asking by itself would use up the user's login rate.
            if let age = grant.refusalAge, age < refusalPause {
                throw OrganizationsError(
                    .refreshRefused,
                    "Salesforce has just refused to refresh the token of \(grant.organization)")
            }
            // A rotated token whose answer nobody reads is lost, so a refresh ends although its caller is cancelled.
            let token = try await withCancellationShield(on: executor) {
                try await refresh(organization, grant)
            }
            if let token { return token }
            guard ContinuousClock.now < deadline else {
                throw OrganizationsError(
                    .refreshTimedOut, "another process has not refreshed the token in time")
            }
            try await Task.sleep(for: OrganizationsLimits.refreshPoll)
        }
    }

    /// The stored tokens of a working grant.
    private func stored(_ organization: UUID) async throws -> StoredGrant {
        let grant = try await pool.withConnection { try await CredentialStore(on: $0).find(organization) }
        guard let grant, !grant.isRevoked else {
            throw OrganizationsError(.unauthorized, "organization \(organization) has no working grant")
        }
        return grant
    }

    private func open(_ grant: StoredGrant) throws -> AccessToken {
        let value = try open(grant.accessToken, .accessToken, of: grant)
        return AccessToken(
            value: value, instance: try oauth.hosts.checked(grant.instanceURL), version: grant.version)
    }

    private func open(
        _ sealed: [UInt8], _ purpose: StoredGrant.Purpose, of grant: StoredGrant
    ) throws -> Secret {
        do {
            return try keys.open(sealed, context: purpose.context(grant.organization))
        } catch {
            throw OrganizationsError(
                .unreadableCredential,
                "a token of \(grant.organization) cannot be opened with SECRET: \(error)")
        }
    }

    /// Refreshes under the lease. Nil if there is something newer to read, now or soon.
    private func refresh(_ organization: UUID, _ grant: StoredGrant) async throws -> AccessToken? {
        let lease = UUID()
        let deadline = ContinuousClock.now + OrganizationsLimits.refreshLease
        let taken = try await pool.withConnection { connection in
            try await CredentialStore(on: connection).takeLease(
                organization, version: grant.version, lease: lease, duration: OrganizationsLimits.refreshLease
            )
        }
        guard let taken else { return nil }
        var attempts = RefreshAttempts(isInDoubt: taken.isInDoubt)
        do {
            switch try await ask(organization, grant, &attempts) {
            case .tokens(let answer):
                // From here on the stored token may be void.
                attempts.isInDoubt = attempts.isInDoubt || answer.refreshToken != nil
                return try await keep(answer, organization, grant, until: deadline)
            case .superseded: return nil
            case .ended(let error):
                return try await end(organization, grant, because: error, lostToken: attempts.isInDoubt)
            case .held(let error):
                try await noteRefusal(error, organization, lease: lease, inDoubt: attempts.isInDoubt)
                throw OrganizationsError(
                    .refreshRefused,
                    "Salesforce does not refresh the token of \(grant.organization) now (\(error.refusalText))"
                )
            }
        } catch {
            // A lease that cannot be released expires by itself; the first error is the one to report.
            try? await pool.withConnection { [isInDoubt = attempts.isInDoubt] connection in
                try await CredentialStore(on: connection).releaseLease(
                    organization, lease: lease, inDoubt: isInDoubt)
            }
            throw error
        }
    }

    private enum Outcome {
        case tokens(RefreshAnswer)
        /// Another process has stored newer tokens.
        case superseded
        case ended(SalesforceError)
        case held(SalesforceError)
    }

    /// Asks once more when an answer is lost: without rotation the token is still good, and with it the sooner
    /// the loss is known, the sooner the admin is.
    private func ask(
        _ organization: UUID, _ grant: StoredGrant, _ attempts: inout RefreshAttempts
    ) async throws -> Outcome {
        let token = try open(grant.refreshToken, .refreshToken, of: grant)
        let login = try oauth.hosts.checked(grant.loginURL)
        while true {
            do {
                return .tokens(try await oauth.refresh(token, at: login))
            } catch let error as SalesforceError {
                switch attempts.step(after: error) {
                case .again:
                    try await pause()
                    // To use a token that rotation has replaced revokes the one that replaced it.
                    guard try await stored(organization).version == grant.version else { return .superseded }
                case .end: return .ended(error)
                case .hold: return .held(error)
                case .fail: throw error
                }
            }
        }
    }

    /// Stores, and waits for a database that is away as long as the lease holds: a rotated token is nowhere else.
    private func keep(
        _ answer: RefreshAnswer, _ organization: UUID, _ grant: StoredGrant,
        until deadline: ContinuousClock.Instant
    ) async throws -> AccessToken? {
        if let named = answer.organization, named != grant.organization {
            throw SalesforceError(.malformedResponse, message: "a refreshed token of another organization")
        }
        while true {
            do {
                return try await store(answer, organization, grant)
            } catch let error as PostgresError
                where (error.isTransient || error.isConnectionLoss) && ContinuousClock.now < deadline
            {
                try await Task.sleep(for: OrganizationsLimits.refreshPoll)
            }
        }
    }

    /// Stores before anybody uses it. Nil if a consent has stored something newer meanwhile.
    private func store(
        _ answer: RefreshAnswer, _ organization: UUID, _ grant: StoredGrant
    ) async throws -> AccessToken? {
        // An address that is missing, or none of Salesforce's, must not cost the tokens: the stored one stays.
        let instance =
            try answer.instanceURL.flatMap { try? oauth.hosts.checked($0) }
            ?? oauth.hosts.checked(grant.instanceURL)
        let sealed = SealedGrant(
            accessToken: try answer.accessToken.map {
                try keys.seal($0, context: StoredGrant.Purpose.accessToken.context(grant.organization))
            },
            refreshToken: try resealed(answer, grant), instanceURL: instance.description)
        let isStored = try await pool.transaction { connection in
            let isStored = try await CredentialStore(on: connection).refresh(
                organization, version: grant.version, with: sealed)
            if isStored, grant.refusalAge != nil {
                try await NotificationStore(on: connection).resolve(
                    [Self.refusedEvent], organization: organization)
            }
            return isStored
        }
        guard isStored else { return nil }
        guard let accessToken = answer.accessToken else {
            throw SalesforceError(.malformedResponse, message: "a refresh without an access token")
        }
        return AccessToken(value: accessToken, instance: instance, version: grant.version + 1)
    }

    /// The rotated token, or the old one if its seal is of a previous key; nil if what is stored is good.
    private func resealed(_ answer: RefreshAnswer, _ grant: StoredGrant) throws -> Sealed? {
        let context = StoredGrant.Purpose.refreshToken.context(grant.organization)
        if let rotated = answer.refreshToken { return try keys.seal(rotated, context: context) }
        guard keys.isOutdated(try Sealed(bytes: grant.refreshToken)) else { return nil }
        return try keys.seal(try open(grant.refreshToken, .refreshToken, of: grant), context: context)
    }

    static let refusedEvent = "refresh_refused"

    /// Releases the lease and notes the refusal. Operators are notified when it has lasted for a day.
    private func noteRefusal(
        _ error: SalesforceError, _ organization: UUID, lease: UUID, inDoubt: Bool
    ) async throws {
        try await pool.transaction { connection in
            let isDue = try await CredentialStore(on: connection).noteRefusal(
                organization, lease: lease, inDoubt: inDoubt, patience: OrganizationsLimits.refusalPatience)
            guard isDue else { return }
            let message =
                "Salesforce has refused to refresh the token for a day (\(error.refusalText)). The grant is kept "
                + "and tried again. Ask the org's admin about IP ranges, login hours and blocked apps, or for a "
                + "new consent."
            try await NotificationStore(on: connection).add(
                Self.refusedEvent, organization: organization, message: message)
        }
    }

    /// Salesforce does not know the refresh token any more. Nil if a newer one is stored; else the tenant
    /// becomes `unauthorized`, and the admin is asked to consent again.
    private func end(
        _ organization: UUID, _ grant: StoredGrant, because error: SalesforceError, lostToken: Bool
    ) async throws -> AccessToken? {
        let job = try await pool.transaction { connection -> EnqueuedJob? in
            guard let found = try await OrganizationStore(on: connection).lock(id: organization),
                try await CredentialStore(on: connection).markRevoked(organization, version: grant.version)
            else { return nil }
            return try await GrantEnd(lostToken: lostToken, reason: error.refusalText).record(
                of: found, queue: queue, on: connection)
        }
        guard let job else { return nil }
        await queue.push([job])
        throw OrganizationsError(.unauthorized, "Salesforce took the grant of \(grant.organization) back")
    }
}

extension SalesforceError {
    /// OAuth's code and Salesforce's description as one short line.
    var refusalText: String {
        let line = message.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
        let text = String(String.UnicodeScalarView(line.prefix(200)))
        return [errorCode ?? code.rawValue, text].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
