package import FoundationEssentials
package import Postgres
package import Salesforce

/// Tenants and their connections in the control database.
package struct OrganizationStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// The columns that `read` needs, of the tables `o` (organizations) and `c` (connections).
    package static let columns: SQL = """
        o.id, o.org_id, o.name, o.admin_email, o.environment, o.environment_signed, o.status,
        o.status_detail, o.schema_name, o.cell, o.authorized_at, o.created_at,
        o.updated_at, c.id as connection_id, c.state as connection_state, c.trouble
        """
    private static let tables: SQL = """
        multiconnect.organizations o join multiconnect.connections c on c.organization_id = o.id
        """

    /// The tenant with this org id.
    package func find(_ organization: OrganizationID) async throws -> Organization? {
        try await first("where o.org_id = \(organization.text)")
    }

    /// The tenants with these ids, without unknown ones.
    package func find(ids: Set<UUID>) async throws -> [UUID: Organization] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await connection.query(
            "select \(Self.columns) from \(Self.tables) where o.id = any (\(Array(ids)))")
        let found = try rows.map(Self.read)
        return Dictionary(found.map { ($0.id, $0) }) { first, _ in first }
    }

    package func find(id: UUID) async throws -> Organization? {
        try await first("where o.id = \(id)")
    }

    /// Throws `.unknownOrganization` for an unknown id.
    package func get(id: UUID) async throws -> Organization {
        guard let found = try await find(id: id) else {
            throw OrganizationsError(.unknownOrganization, "no organization has the id \(id)")
        }
        return found
    }

    /// The tenant; locks its row until the transaction ends.
    package func lock(_ organization: OrganizationID) async throws -> Organization? {
        try await first("where o.org_id = \(organization.text) for update of o")
    }

    package func lock(id: UUID) async throws -> Organization? {
        try await first("where o.id = \(id) for update of o")
    }

    /// Tenants by time of registration, the newest first.
    ///
    /// - Parameter before: the time of registration of the previous page's last tenant.
    package func list(
        status: OrganizationStatus? = nil, before: Date? = nil, limit: Int = 100
    ) async throws -> [Organization] {
        let rows = try await connection.query(
            """
            select \(Self.columns) from \(Self.tables)
            where (\(status?.rawValue)::text is null or o.status = \(status?.rawValue)::text)
              and (\(before)::timestamptz is null or o.created_at < \(before)::timestamptz)
            order by o.created_at desc, o.id limit \(limit)
            """)
        return try rows.map(Self.read)
    }

    /// The number of tenants with each status, without statuses that no tenant has.
    package func counts() async throws -> [OrganizationStatus: Int] {
        let rows = try await connection.query(
            "select status, count(*) as count from multiconnect.organizations group by status")
        var counts: [OrganizationStatus: Int] = [:]
        for row in rows {
            if let status = OrganizationStatus(rawValue: try row["status", as: String.self]) {
                counts[status] = try row["count", as: Int.self]
            }
        }
        return counts
    }

    func setAdminEmail(_ id: UUID, _ address: EmailAddress) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations set admin_email = \(address.text), updated_at = now()
            where id = \(id)
            """)
    }

    /// Records a consent.
    ///
    /// - Parameters:
    ///   - status: the status after the consent.
    ///   - environment: where the admin logged in; nil if unknown.
    func markAuthorized(
        _ id: UUID, status: OrganizationStatus, environment: OrgEnvironment?
    ) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations
            set status = \(status.rawValue), status_detail = null, authorized_at = now(), updated_at = now(),
                environment = coalesce(\(environment?.description), environment)
            where id = \(id)
            """)
    }

    /// Changes the status if `OrganizationStatus` allows it, else throws `.illegalTransition`. So a late step
    /// cannot revive a tenant that has been paused or has lost its grant.
    package func setStatus(_ id: UUID, to status: OrganizationStatus, detail: String? = nil) async throws {
        guard try await trySetStatus(id, to: status, detail: detail) else {
            throw OrganizationsError(
                .illegalTransition,
                "the status of organization \(id) may not change to \(status.rawValue) now")
        }
    }

    /// Changes the status if that is allowed; returns whether it was.
    package func trySetStatus(
        _ id: UUID, to status: OrganizationStatus, detail: String? = nil
    ) async throws -> Bool {
        let affected = try await connection.execute(
            """
            update multiconnect.organizations
            set status = \(status.rawValue), status_detail = \(detail), updated_at = now()
            where id = \(id) and status = any(\(status.predecessors.map(\.rawValue))::text[])
            """)
        return affected == 1
    }

    /// Adds `detail` to the status detail of a tenant that waits for its admin. Returns whether it does.
    func noteDetail(_ id: UUID, _ detail: String) async throws -> Bool {
        let waiting: [OrganizationStatus] = [.registered, .unauthorized]
        let affected = try await connection.execute(
            """
            update multiconnect.organizations
            set status_detail = case
                when status = \(OrganizationStatus.registered.rawValue) or status_detail is null
                then \(detail)
                when position(\(detail) in status_detail) > 0 then status_detail
                else status_detail || '; ' || \(detail) end
            where id = \(id) and status = any(\(waiting.map(\.rawValue))::text[])
            """)
        return affected == 1
    }

    /// Removes the status detail if the status is still this one.
    func clearDetail(_ id: UUID, of status: OrganizationStatus) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations set status_detail = null
            where id = \(id) and status = \(status.rawValue)
            """)
    }

    /// Removes a tenant with all rows of the control database that refer to it.
    package func delete(_ id: UUID) async throws {
        _ = try await connection.execute("delete from multiconnect.organizations where id = \(id)")
    }

    private func first(_ condition: SQL) async throws -> Organization? {
        let rows = try await connection.query("select \(Self.columns) from \(Self.tables) \(condition)")
        return try rows.first.map(Self.read)
    }

    package static func read(_ row: Row) throws -> Organization {
        guard let name = OrganizationName(try row["name", as: String.self]),
            let email = EmailAddress(try row["admin_email", as: String.self]),
            let environment = OrgEnvironment(try row["environment", as: String.self]),
            let status = OrganizationStatus(rawValue: try row["status", as: String.self]),
            let state = ConnectionState(rawValue: try row["connection_state", as: String.self])
        else {
            throw OrganizationsError(
                .malformedRow, "the row of organization \(try row["id", as: UUID.self]) has an unknown value")
        }
        return Organization(
            id: try row["id"], organizationID: try OrganizationID(try row["org_id", as: String.self]),
            name: name,
            adminEmail: email, environment: environment, isEnvironmentSigned: try row["environment_signed"],
            status: status,
            statusDetail: try row["status_detail"],
            schemaName: try row["schema_name"], cell: try row["cell"], authorizedAt: try row["authorized_at"],
            createdAt: try row["created_at"], updatedAt: try row["updated_at"],
            connectionID: try row["connection_id"], connectionState: state,
            connectionTrouble: (try row["trouble"] as String?).flatMap(ConnectionTrouble.init))
    }
}
