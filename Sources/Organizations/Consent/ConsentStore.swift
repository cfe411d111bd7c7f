internal import FoundationEssentials
package import Postgres
package import Salesforce

/// Consents that have begun.
package struct ConsentStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// The data that was stored when the consent began.
    struct Begun {
        let organization: UUID?
        let verifier: [UInt8]
        let loginURL: String
        /// Where the browser returns; nil for our own page.
        let returnTarget: String?
    }

    func insert(
        stateHash: [UInt8], browserHash: [UInt8], _ consent: Begun
    ) async throws {
        let lifetime = OrganizationsLimits.consentLifetime.timeInterval
        _ = try await connection.execute(
            """
            insert into multiconnect.consents
                (state_hash, browser_hash, organization_id, verifier, login_url, return_target, expires_at)
            values (\(stateHash), \(browserHash), \(consent.organization), \(consent.verifier),
                    \(consent.loginURL), \(consent.returnTarget),
                    now() + make_interval(secs => \(lifetime)::float8))
            """)
    }

    /// Removes consents that ended long ago. Bounded, because it runs within a request.
    func prune() async throws {
        let memory = OrganizationsLimits.consentMemory.timeInterval
        _ = try await connection.execute(
            """
            delete from multiconnect.consents where state_hash in (
                select state_hash from multiconnect.consents
                where expires_at < now() - make_interval(secs => \(memory)::float8)
                order by expires_at limit 100)
            """)
    }

    /// Uses up the state. It is one statement, so that only one of two callbacks with the same state gets it.
    /// A callback from another browser does not use up the state, so that a forged callback cannot block the
    /// real one. Throws `ConsentRefusal` for a state that cannot be used.
    func take(stateHash: [UInt8], browserHash: [UInt8]) async throws -> Begun {
        let rows = try await connection.query(
            """
            update multiconnect.consents set used_at = now()
            where state_hash = \(stateHash) and browser_hash = \(browserHash) and used_at is null
              and expires_at > now()
            returning organization_id, verifier, login_url, return_target
            """)
        guard let row = rows.first else { throw try await reason(stateHash, browserHash) }
        return Begun(
            organization: try row["organization_id"], verifier: try row["verifier"],
            loginURL: try row["login_url"], returnTarget: try row["return_target"])
    }

    /// The tenant of the link that began the consent; nil without a link, or without such a consent.
    func organization(stateHash: [UInt8]) async throws -> UUID? {
        let rows = try await connection.query(
            "select organization_id from multiconnect.consents where state_hash = \(stateHash)")
        return try rows.first.flatMap { try $0["organization_id", as: UUID?.self] }
    }

    /// The tenant's org and the return address of a consent that this browser began; nil for another
    /// browser, and without such a consent.
    func beginning(stateHash: [UInt8], browserHash: [UInt8]) async throws -> Consent.Beginning? {
        let rows = try await connection.query(
            """
            select o.org_id, c.return_target from multiconnect.consents c
            left join multiconnect.organizations o on o.id = c.organization_id
            where c.state_hash = \(stateHash) and c.browser_hash = \(browserHash)
            """)
        return try rows.first.map { row in
            let organization = try row["org_id", as: String?.self]
            return Consent.Beginning(
                organization: try organization.map { try OrganizationID($0) },
                returnTarget: try row["return_target"])
        }
    }

    /// Notes that a consent is complete, and its tenant, which a consent without a link did not know. The
    /// verifier is not needed any more: an empty one marks the row.
    func complete(stateHash: [UInt8], organization: UUID) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.consents set organization_id = \(organization), verifier = ''
            where state_hash = \(stateHash) and used_at is not null
            """)
    }

    /// A consent that was completed.
    struct Completed {
        let organization: UUID
        let returnTarget: String?
    }

    /// The tenant that this state has connected, if the tenant has a grant that is not revoked. Nil: there is
    /// none.
    func completed(stateHash: [UInt8]) async throws -> Completed? {
        try await connection.query(
            """
            select c.organization_id, c.return_target from multiconnect.consents as c
            join multiconnect.organizations as o on o.id = c.organization_id
            join multiconnect.credentials as g
                on g.organization_id = o.id and g.kind = 'refresh_token' and g.revoked_at is null
            where c.state_hash = \(stateHash) and c.used_at is not null and c.verifier = ''
            """
        ).first.map {
            Completed(organization: try $0["organization_id"], returnTarget: try $0["return_target"])
        }
    }

    private func reason(_ stateHash: [UInt8], _ browserHash: [UInt8]) async throws -> ConsentRefusal {
        let rows = try await connection.query(
            """
            select browser_hash = \(browserHash) as same_browser, used_at is not null as used
            from multiconnect.consents where state_hash = \(stateHash)
            """)
        guard let row = rows.first else { return .unknownState }
        if try !row["same_browser", as: Bool.self] { return .otherBrowser }
        return try row["used", as: Bool.self] ? .usedState : .expiredState
    }
}

extension Consent {
    /// The link with which a consent began.
    package struct Beginning: Sendable, Equatable {
        /// The org of the link; nil if the admin came without a link.
        package let organization: OrganizationID?
        package let returnTarget: String?
    }
}
