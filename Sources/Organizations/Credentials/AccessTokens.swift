internal import Activity
package import Cryptography
package import FoundationEssentials
package import Jobs
package import Postgres
internal import Reactor
package import Salesforce

/// Tenants' access tokens: one refresh per org at a time, over all processes.
///
/// The process that refreshes holds a lease in the database. A lease is not a lock: no session waits in the
/// database during the request to Salesforce. A rotated token is stored before it is used. A grant is marked
/// revoked only if Salesforce's answer is unambiguous and no other process has stored a newer token since the
/// refresh began.
package struct AccessTokens: Sendable {
    private let pool: PostgresPool
    private let queue: JobQueue
    private let keys: KeyRing
    private let oauth: OAuthClient
    private let executor: any TaskExecutor
    private let pause: @Sendable () async throws -> Void
    private let refusalPause: Duration

    /// All parameters belong to one loop.
    ///
    /// - Parameters:
    ///   - executor: that loop.
    ///   - refusalPause: the time without refreshes after a refusal that does not end the grant.
    ///   - pause: waits before a refresh is sent a second time. Salesforce refuses overlapping refreshes.
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

    /// The current token; newer than `refused`, the token that Salesforce has just refused.
    ///
    /// Throws `OrganizationsError(.unauthorized)` if there is no working grant, `.refreshRefused` if
    /// Salesforce refuses for now, `.refreshTimedOut` if another process takes too long, and errors of
    /// Salesforce or the database.
    package func token(for organization: UUID, refused: AccessToken?) async throws -> AccessToken {
        let deadline = ContinuousClock.now + OrganizationsLimits.refreshWait
        while true {
            let grant = try await stored(organization)
            if refused.map({ grant.version > $0.version }) ?? true { return try open(grant) }
            // Jobs of one tenant fail together. If each sent a refresh, they would use up the user's login
            // rate.
            if let age = grant.refusalAge, age < refusalPause {
                throw OrganizationsError(
                    .refreshRefused,
                    "Salesforce has just refused to refresh the token of \(grant.organization)")
            }
            // If nobody reads the answer, a rotated token is lost. So a refresh continues to its end even if
            // its caller is cancelled.
            let token = try await withCancellationShield(on: executor) {
                try await refresh(organization, grant)
            }
            if let token { return token }
            guard ContinuousClock.now < deadline else {
                throw OrganizationsError(
                    .refreshTimedOut,
                    "another process did not refresh the token of \(grant.organization) in time")
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

    /// Refreshes under the lease. Nil if another process has stored a newer token, or soon will.
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
                // From here on the stored refresh token may be void.
                attempts.isInDoubt = attempts.isInDoubt || answer.refreshToken != nil
                return try await keep(answer, organization, grant, until: deadline)
            case .superseded: return nil
            case .ended(let error):
                return try await end(organization, grant, because: error, lostToken: attempts.isInDoubt)
            case .held(let error):
                try await noteRefusal(error, organization, lease: lease, inDoubt: attempts.isInDoubt)
                throw OrganizationsError(
                    .refreshRefused,
                    "Salesforce refuses to refresh the token of \(grant.organization) (\(error.refusalText))"
                )
            }
        } catch {
            // A lease that cannot be released expires; report the first error.
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

    /// Sends the refresh, and sends it again if the answer is lost. Without rotation the token is still good;
    /// with rotation the second answer shows that it is lost, so that the admin is mailed at once.
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
                    // Sending a token that rotation has replaced revokes its replacement.
                    guard try await stored(organization).version == grant.version else { return .superseded }
                case .end: return .ended(error)
                case .hold: return .held(error)
                case .fail: throw error
                }
            }
        }
    }

    /// Stores the tokens; retries until the lease expires if the database is unavailable, because no other
    /// copy of a rotated token exists.
    private func keep(
        _ answer: RefreshAnswer, _ organization: UUID, _ grant: StoredGrant,
        until deadline: ContinuousClock.Instant
    ) async throws -> AccessToken? {
        if let named = answer.organization, named != grant.organization {
            throw SalesforceError(
                .malformedResponse,
                message: "the refreshed token is of the org \(named), not \(grant.organization)")
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

    /// Stores the tokens before they are used. Nil if a consent has stored newer tokens since the refresh
    /// began.
    private func store(
        _ answer: RefreshAnswer, _ organization: UUID, _ grant: StoredGrant
    ) async throws -> AccessToken? {
        // A missing or foreign instance address must not lose the tokens: keep the stored address.
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
                    [NotificationEvent.refreshRefused], organization: organization)
            }
            return isStored
        }
        guard isStored else { return nil }
        guard let accessToken = answer.accessToken else {
            throw SalesforceError(.malformedResponse, message: "the answer to a refresh has no access token")
        }
        return AccessToken(value: accessToken, instance: instance, version: grant.version + 1)
    }

    /// The rotated token, or the stored one if a previous key sealed it; nil to keep the stored seal.
    private func resealed(_ answer: RefreshAnswer, _ grant: StoredGrant) throws -> Sealed? {
        let context = StoredGrant.Purpose.refreshToken.context(grant.organization)
        if let rotated = answer.refreshToken { return try keys.seal(rotated, context: context) }
        guard keys.isOutdated(try Sealed(bytes: grant.refreshToken)) else { return nil }
        return try keys.seal(try open(grant.refreshToken, .refreshToken, of: grant), context: context)
    }

    /// Releases the lease and records the refusal. Operators are notified once refusals have lasted for a
    /// day.
    private func noteRefusal(
        _ error: SalesforceError, _ organization: UUID, lease: UUID, inDoubt: Bool
    ) async throws {
        try await pool.transaction { connection in
            let isDue = try await CredentialStore(on: connection).noteRefusal(
                organization, lease: lease, inDoubt: inDoubt, tolerance: OrganizationsLimits.refusalTolerance)
            guard isDue else { return }
            let message =
                "Salesforce has refused to refresh the token for a day (\(error.refusalText)). Multiconnect "
                + "keeps the grant and retries. Ask the org's admin to check IP ranges, login hours and "
                + "blocked apps, or to consent again."
            try await NotificationStore(on: connection).add(
                NotificationEvent.refreshRefused, organization: organization, message: message)
        }
    }

    /// Salesforce no longer accepts the refresh token. Nil if a newer one is stored; else the tenant becomes
    /// `unauthorized`, and the admin is mailed.
    private func end(
        _ organization: UUID, _ grant: StoredGrant, because error: SalesforceError, lostToken: Bool
    ) async throws -> AccessToken? {
        let job = try await pool.transaction { connection -> EnqueuedJob? in
            guard let found = try await OrganizationStore(on: connection).lock(id: organization),
                try await CredentialStore(on: connection).markRevoked(organization, version: grant.version)
            else { return nil }
            return try await GrantRevocation(lostToken: lostToken, reason: error.refusalText).record(
                of: found, queue: queue, on: connection)
        }
        guard let job else { return nil }
        await queue.push([job])
        throw OrganizationsError(.unauthorized, "the grant of \(grant.organization) was revoked")
    }
}

extension SalesforceError {
    /// OAuth's code and Salesforce's description in one short line.
    var refusalText: String {
        let line = message.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
        let text = String(String.UnicodeScalarView(line.prefix(200)))
        return [errorCode ?? code.rawValue, text].filter { !$0.isEmpty }.joined(separator: ": ")
    }
}
