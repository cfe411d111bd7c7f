internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Rows of `end_user_sessions`. This type is the table's only writer.
struct EndUserSessionStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// A session whose token is still sealed.
    struct Stored {
        let organization: UUID
        let organizationID: OrganizationID
        let organizationName: OrganizationName
        let status: OrganizationStatus?
        let user: SalesforceID
        let username: String
        let displayName: String?
        let accessToken: [UInt8]
        let instanceURL: String
        let expiresAt: Date
    }

    func begin(
        _ tokenHash: [UInt8], organization: UUID, identity: Identity, accessToken: [UInt8],
        instanceURL: String
    ) async throws {
        _ = try await connection.execute(
            """
            delete from multiconnect.end_user_sessions where token_hash in (
                select token_hash from multiconnect.end_user_sessions where expires_at < now()
                order by expires_at limit 100)
            """)
        let lifetime = OrganizationsLimits.endUserSession.timeInterval
        _ = try await connection.execute(
            """
            insert into multiconnect.end_user_sessions (token_hash, organization_id, user_id, username,
                display_name, access_token, instance_url, expires_at)
            values (\(tokenHash), \(organization), \(identity.user.text), \(identity.username),
                \(identity.displayName), \(accessToken), \(instanceURL),
                now() + make_interval(secs => \(lifetime)::float8))
            """)
    }

    /// Nil if there is no such session, or if it has expired.
    func find(_ tokenHash: [UInt8]) async throws -> Stored? {
        let rows = try await connection.query(
            """
            select s.organization_id, o.org_id, o.name, o.status, s.user_id, s.username, s.display_name,
                s.access_token, s.instance_url, s.expires_at
            from multiconnect.end_user_sessions s
            join multiconnect.organizations o on o.id = s.organization_id
            where s.token_hash = \(tokenHash) and s.expires_at > now()
            """)
        guard let row = rows.first, let name = OrganizationName(try row["name"]) else { return nil }
        return Stored(
            organization: try row["organization_id"],
            organizationID: try OrganizationID(try row["org_id", as: String.self]), organizationName: name,
            status: OrganizationStatus(rawValue: try row["status"]),
            user: try SalesforceID(try row["user_id", as: String.self]), username: try row["username"],
            displayName: try row["display_name"], accessToken: try row["access_token"],
            instanceURL: try row["instance_url"], expiresAt: try row["expires_at"])
    }

    func end(_ tokenHash: [UInt8]) async throws {
        _ = try await connection.execute(
            "delete from multiconnect.end_user_sessions where token_hash = \(tokenHash)")
    }

    /// Ends a tenant's sessions if its end users may reach nothing any more.
    func endAllWithoutAccess(of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            delete from multiconnect.end_user_sessions where organization_id = \(organization)
              and not exists (
                  select from multiconnect.end_user_access where organization_id = \(organization))
            """)
    }
}
