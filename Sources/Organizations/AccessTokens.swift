package import Cryptography
package import FoundationEssentials
package import Jobs
package import Postgres
package import Salesforce

/// Tenants' access tokens: one refresh per org at a time, over all processes.
///
/// Who refreshes holds a lease in the database, which is no lock: nothing waits in the database while
/// Salesforce is asked. A rotated token is stored before it is used. `invalid_grant` is the end of the grant,
/// unless another process has stored a newer one meanwhile.
package struct AccessTokens: Sendable {
    private let pool: PostgresPool
    private let queue: JobQueue
    private let keys: KeyRing
    private let oauth: OAuthClient
    private let executor: any TaskExecutor

    /// All of one loop.
    ///
    /// - Parameter executor: that loop.
    package init(
        pool: PostgresPool, queue: JobQueue, keys: KeyRing, oauth: OAuthClient, executor: any TaskExecutor
    ) {
        self.pool = pool
        self.queue = queue
        self.keys = keys
        self.oauth = oauth
        self.executor = executor
    }

    /// The token provider of one tenant, for `RESTClient`.
    package func provider(for organization: UUID) -> TokenProvider {
        { refused in try await token(for: organization, refused: refused) }
    }

    /// The current token. With the one that Salesforce has just refused, a newer one.
    ///
    /// Throws `OrganizationsError(.unauthorized)` if there is no working grant, `.refreshTimedOut` if another
    /// process takes too long, and what Salesforce or the database fail with.
    package func token(for organization: UUID, refused: AccessToken?) async throws -> AccessToken {
        let deadline = ContinuousClock.now + OrganizationsLimits.refreshWait
        while true {
            let grant = try await stored(organization)
            if refused.map({ grant.version > $0.version }) ?? true { return try open(grant) }
            if let token = try await shielded({ try await refresh(organization, grant) }) { return token }
            guard ContinuousClock.now < deadline else {
                throw OrganizationsError(
                    .refreshTimedOut, "another process has not refreshed the token in time")
            }
            try await Task.sleep(for: OrganizationsLimits.refreshPoll)
        }
    }

    /// Runs a refresh to its end even if the caller is cancelled meanwhile: a rotated token whose answer
    /// nobody reads is lost. The task is unstructured only in that one respect: it never outlives the call,
    /// and its deadlines bound it.
    private func shielded(
        _ body: @escaping @Sendable () async throws -> AccessToken?
    ) async throws -> AccessToken? {
        try await Task(executorPreference: executor) { try await body() }.value
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
        var isInDoubt = taken.isInDoubt
        do {
            let answer = try await ask(grant, isInDoubt: &isInDoubt)
            // From here on the stored token may be void.
            isInDoubt = isInDoubt || answer.refreshToken != nil
            return try await keep(answer, organization, grant, until: deadline)
        } catch let error as SalesforceError where error.code == .invalidGrant {
            return try await end(organization, grant, lostToken: isInDoubt)
        } catch {
            // A lease that cannot be given back runs out by itself; what went wrong first is what is told.
            try? await pool.withConnection { connection in
                try await CredentialStore(on: connection).releaseLease(
                    organization, lease: lease, inDoubt: isInDoubt)
            }
            throw error
        }
    }

    /// Asks twice when an answer is lost: without rotation the token is still good, and with it the sooner
    /// the loss is known, the sooner the admin is.
    private func ask(_ grant: StoredGrant, isInDoubt: inout Bool) async throws -> TokenAnswer {
        let token = try open(grant.refreshToken, .refreshToken, of: grant)
        let login = try oauth.hosts.checked(grant.loginURL)
        do {
            return try checked(try await oauth.refresh(token, at: login), grant)
        } catch let error as SalesforceError where Self.mayHaveRotated(error) {
            isInDoubt = true
            return try checked(try await oauth.refresh(token, at: login), grant)
        }
    }

    /// Whether Salesforce may have carried out a refresh whose answer we do not have.
    private static func mayHaveRotated(_ error: SalesforceError) -> Bool {
        switch error.code {
        case .interrupted, .timedOut, .malformedResponse, .tooLarge, .badSignature, .serverUnavailable: true
        default: false
        }
    }

    private func checked(_ answer: TokenAnswer, _ grant: StoredGrant) throws -> TokenAnswer {
        guard answer.identity.organization == grant.organization else {
            throw SalesforceError(.malformedResponse, message: "a refreshed token of another organization")
        }
        return answer
    }

    /// Stores, and waits for a database that is away as long as the lease holds: a rotated token is nowhere else.
    private func keep(
        _ answer: TokenAnswer, _ organization: UUID, _ grant: StoredGrant,
        until deadline: ContinuousClock.Instant
    ) async throws -> AccessToken? {
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
        _ answer: TokenAnswer, _ organization: UUID, _ grant: StoredGrant
    ) async throws -> AccessToken? {
        let instance = try oauth.hosts.checked(answer.instanceURL)
        let sealed = SealedGrant(
            accessToken: try keys.seal(
                answer.accessToken, context: StoredGrant.Purpose.accessToken.context(grant.organization)),
            refreshToken: try resealed(answer, grant), instanceURL: instance.description)
        let isStored = try await pool.transaction { connection in
            try await CredentialStore(on: connection).refresh(
                organization, version: grant.version, with: sealed)
        }
        guard isStored else { return nil }
        return AccessToken(value: answer.accessToken, instance: instance, version: grant.version + 1)
    }

    /// The rotated token, or the old one if its seal is of the previous key; nil if what is stored is good.
    private func resealed(_ answer: TokenAnswer, _ grant: StoredGrant) throws -> Sealed? {
        let context = StoredGrant.Purpose.refreshToken.context(grant.organization)
        if let rotated = answer.refreshToken { return try keys.seal(rotated, context: context) }
        guard keys.isOutdated(try Sealed(bytes: grant.refreshToken)) else { return nil }
        return try keys.seal(try open(grant.refreshToken, .refreshToken, of: grant), context: context)
    }

    /// Salesforce does not know the refresh token any more. Nil if a newer one is stored; else the tenant
    /// becomes `unauthorized`, and the admin is asked to consent again.
    private func end(_ organization: UUID, _ grant: StoredGrant, lostToken: Bool) async throws -> AccessToken?
    {
        let job = try await pool.transaction { connection -> EnqueuedJob? in
            guard let found = try await OrganizationStore(on: connection).lock(id: organization),
                try await CredentialStore(on: connection).markRevoked(organization, version: grant.version)
            else { return nil }
            return try await GrantEnd(lostToken: lostToken).record(of: found, queue: queue, on: connection)
        }
        guard let job else { return nil }
        await queue.push([job])
        throw OrganizationsError(.unauthorized, "Salesforce took the grant of \(grant.organization) back")
    }
}
