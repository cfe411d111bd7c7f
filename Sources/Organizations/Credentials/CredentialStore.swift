internal import Cryptography
package import FoundationEssentials
package import Postgres
package import Salesforce

/// Tenants' sealed tokens, and the lease that lets one process at a time refresh them.
package struct CredentialStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// The user who consented. Nil before the first consent.
    package func user(of organization: UUID) async throws -> SalesforceID? {
        let rows = try await connection.query(
            """
            select identity->>'user_id' from multiconnect.credentials
            where organization_id = \(organization) and kind = 'refresh_token' and identity is not null
            """)
        guard let text: String = try rows.first?[0] else { return nil }
        return try SalesforceID(text)
    }

    /// The users with whose tokens requests were sent since a time: the one who consented, and those whose
    /// grants ended later than `start`. Empty before the first consent.
    package func users(of organization: UUID, since start: Date) async throws -> [SalesforceID] {
        let former: [String] = try await connection.query(
            """
            select user_id from multiconnect.former_users
            where organization_id = \(organization) and until >= \(start) order by until desc
            """
        ).column()
        let current = try await user(of: organization)
        return try ([current].compactMap(\.self) + former.map { try SalesforceID($0) }).reduce(into: []) {
            if !$0.contains($1) { $0.append($1) }
        }
    }

    /// Remembers the user of the present grant, whose requests may still run.
    private func keepUser(of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.former_users (organization_id, user_id)
            select organization_id, identity->>'user_id' from multiconnect.credentials
            where organization_id = \(organization) and kind = 'refresh_token'
              and identity->>'user_id' is not null
            on conflict (organization_id, user_id) do update set until = now()
            """)
    }

    /// The stored tokens; nil before the first consent.
    func find(_ organization: UUID) async throws -> StoredGrant? {
        let rows = try await connection.query(
            """
            select o.org_id, a.sealed as access_token, r.sealed as refresh_token, r.version, a.instance_url,
                   r.login_url, r.revoked_at is not null as revoked,
                   case when r.refresh_refused_since is not null
                        then extract(epoch from now() - r.refresh_refused_at)::float8 end as refusal_age
            from multiconnect.organizations o
            join multiconnect.credentials r on r.organization_id = o.id and r.kind = 'refresh_token'
            join multiconnect.credentials a on a.organization_id = o.id and a.kind = 'access_token'
            where o.id = \(organization)
            """)
        guard let row = rows.first else { return nil }
        return StoredGrant(
            organization: try OrganizationID(try row["org_id", as: String.self]),
            accessToken: try row["access_token"],
            refreshToken: try row["refresh_token"], version: try row["version"],
            instanceURL: try row["instance_url"],
            loginURL: try row["login_url"], isRevoked: try row["revoked"],
            refusalAge: try row["refusal_age", as: Double?.self].map { .seconds($0) })
    }

    /// Replaces the tokens with those of a new consent. Both rows get the same, higher version, so that a
    /// running refresh of the old tokens cannot store its result.
    func replace(
        _ organization: UUID, with grant: SealedGrant, loginURL: String, identity: String
    ) async throws {
        guard let refreshToken = grant.refreshToken, let accessToken = grant.accessToken else {
            throw OrganizationsError(
                .unreadableCredential, "a consent must bring an access token and a refresh token")
        }
        let rows = try await connection.query(
            """
            select coalesce(max(version), 0) + 1 as version from multiconnect.credentials
            where organization_id = \(organization)
            """)
        let version = try rows.scalar(as: Int64.self)
        try await keepUser(of: organization)
        for (kind, sealed, document) in [
            ("refresh_token", refreshToken, String?.some(identity)), ("access_token", accessToken, nil),
        ] {
            _ = try await connection.execute(
                """
                insert into multiconnect.credentials
                    (organization_id, kind, sealed, key_id, version, instance_url, login_url, identity)
                values (\(organization), \(kind), \(sealed.bytes), \(sealed.keyID.text), \(version),
                        \(grant.instanceURL), \(loginURL), \(document)::jsonb)
                on conflict (organization_id, kind) do update
                set sealed = excluded.sealed, key_id = excluded.key_id, version = excluded.version,
                    instance_url = excluded.instance_url, login_url = excluded.login_url,
                    identity = excluded.identity, refresh_lease = null, refresh_lease_until = null,
                    refresh_in_doubt = false, refresh_refused_since = null, refresh_refusal_told_at = null,
                    revoked_at = null, updated_at = now()
                """)
        }
    }

    /// A lease that was taken.
    struct Lease {
        /// A refresh of this version was sent before, and its answer was not stored.
        let isInDoubt: Bool
    }

    /// Takes the lease to refresh this version; nil if another process holds it, or if the version is no
    /// longer stored. The holder of an expired lease has died, so its request is in doubt.
    func takeLease(
        _ organization: UUID, version: Int64, lease: UUID, duration: Duration
    ) async throws -> Lease? {
        let rows = try await connection.query(
            """
            update multiconnect.credentials
            set refresh_in_doubt = refresh_in_doubt or refresh_lease is not null, refresh_lease = \(lease),
                refresh_lease_until = now() + make_interval(secs => \(duration.timeInterval)::float8)
            where organization_id = \(organization) and kind = 'refresh_token' and version = \(version)
              and revoked_at is null and (refresh_lease is null or refresh_lease_until < now())
            returning refresh_in_doubt
            """)
        return try rows.first.map { Lease(isInDoubt: try $0["refresh_in_doubt"]) }
    }

    /// Releases the lease.
    ///
    /// - Parameter inDoubt: Salesforce may have carried out the request, and its answer is lost.
    func releaseLease(_ organization: UUID, lease: UUID, inDoubt: Bool) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.credentials
            set refresh_lease = null, refresh_lease_until = null,
                refresh_in_doubt = refresh_in_doubt or \(inDoubt)
            where organization_id = \(organization) and kind = 'refresh_token' and refresh_lease = \(lease)
            """)
    }

    /// Releases the lease after a refusal that does not end the grant, and records the time of the first
    /// refusal. Returns true once, when refusals have lasted as long as `tolerance`.
    func noteRefusal(
        _ organization: UUID, lease: UUID, inDoubt: Bool, tolerance: Duration
    ) async throws -> Bool {
        let rows = try await connection.query(
            """
            update multiconnect.credentials
            set refresh_lease = null, refresh_lease_until = null,
                refresh_in_doubt = refresh_in_doubt or \(inDoubt),
                refresh_refused_since = coalesce(refresh_refused_since, now()), refresh_refused_at = now(),
                refresh_refusal_told_at = case
                    when refresh_refused_since <= now() - \(tolerance)
                    then coalesce(refresh_refusal_told_at, now()) end
            where organization_id = \(organization) and kind = 'refresh_token' and refresh_lease = \(lease)
            returning coalesce(refresh_refusal_told_at = now(), false) as due
            """)
        return try rows.first.map { try $0["due"] } ?? false
    }

    /// Stores refreshed tokens if `version` is still the stored one; returns whether it was. An expired lease
    /// does not matter: a late rotated token is better stored than lost.
    func refresh(_ organization: UUID, version: Int64, with grant: SealedGrant) async throws -> Bool {
        let affected = try await connection.execute(
            """
            update multiconnect.credentials
            set sealed = coalesce(\(grant.refreshToken?.bytes), sealed),
                key_id = coalesce(\(grant.refreshToken?.keyID.text), key_id), version = version + 1,
                instance_url = \(grant.instanceURL), refresh_lease = null, refresh_lease_until = null,
                refresh_in_doubt = false, refresh_refused_since = null, refresh_refusal_told_at = null,
                updated_at = now()
            where organization_id = \(organization) and kind = 'refresh_token' and version = \(version)
              and revoked_at is null
            """)
        guard affected == 1 else { return false }
        _ = try await connection.execute(
            """
            update multiconnect.credentials
            set sealed = coalesce(\(grant.accessToken?.bytes), sealed),
                key_id = coalesce(\(grant.accessToken?.keyID.text), key_id), version = \(version + 1),
                instance_url = \(grant.instanceURL), updated_at = now()
            where organization_id = \(organization) and kind = 'access_token'
            """)
        return true
    }

    /// Removes the tokens, if they have this version; nil: any. Returns whether there were some.
    @discardableResult
    func remove(_ organization: UUID, version: Int64? = nil) async throws -> Bool {
        try await keepUser(of: organization)
        let removed = try await connection.execute(
            """
            delete from multiconnect.credentials
            where organization_id = \(organization)
              and (\(version)::bigint is null or version = \(version)::bigint)
            """)
        return removed > 0
    }

    /// Marks the grant of this version as revoked; returns whether this call did it.
    func markRevoked(_ organization: UUID, version: Int64) async throws -> Bool {
        let affected = try await connection.execute(
            """
            update multiconnect.credentials
            set revoked_at = now(), refresh_lease = null, refresh_lease_until = null, updated_at = now()
            where organization_id = \(organization) and kind = 'refresh_token' and version = \(version)
              and revoked_at is null
            """)
        return affected == 1
    }
}
