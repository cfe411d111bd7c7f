package import FoundationEssentials
package import Postgres
package import Salesforce

/// Tenants and their connections in the control database.
package struct OrganizationStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    private static let columns: SQL = """
        o.id, o.org_id, o.name, o.admin_email, o.environment, o.status, o.status_detail, o.schema_name,
        o.cell, o.authorized_at, o.created_at, o.updated_at, c.id as connection_id,
        c.state as connection_state
        """
    private static let tables: SQL = """
        multiconnect.organizations o join multiconnect.connections c on c.organization_id = o.id
        """

    /// The tenant with this org id, which may be given in either length.
    package func find(_ organization: OrganizationID) async throws -> Organization? {
        try await first("where o.org_id = \(organization.text)")
    }

    /// The tenants with these ids, as far as there are any.
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

    /// Throws `.unknownOrganization` if there is none.
    package func get(id: UUID) async throws -> Organization {
        guard let found = try await find(id: id) else {
            throw OrganizationsError(.unknownOrganization, "there is no organization \(id)")
        }
        return found
    }

    /// The tenant, locked until the transaction ends.
    package func lock(_ organization: OrganizationID) async throws -> Organization? {
        try await first("where o.org_id = \(organization.text) for update of o")
    }

    package func lock(id: UUID) async throws -> Organization? {
        try await first("where o.id = \(id) for update of o")
    }

    /// Tenants in order of registration, the newest first.
    ///
    /// - Parameter before: the time of registration of the last one of the page before.
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

    /// How many tenants have each status; those that none has are left out.
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

    /// Writes a new tenant and its connection. Returns false if the org is known already.
    func insert(_ request: RegistrationRequest, cell: String) async throws -> Bool {
        let rows = try await connection.query(
            """
            insert into multiconnect.organizations (org_id, name, admin_email, environment, schema_name, cell)
            values (\(request.organization.text), \(request.name.text), \(request.adminEmail.text),
                    \((request.environment ?? .production).description),
                    \(request.organization.schemaName), \(cell))
            on conflict do nothing returning id
            """)
        guard let row = rows.first else { return false }
        _ = try await connection.execute(
            "insert into multiconnect.connections (organization_id) values (\(try row["id", as: UUID.self]))")
        return true
    }

    /// The statement that writes new tenants, their connections and activity: of those that nobody knows and
    /// whose mails no limit delays. The ids tell in the rows, which `organizations` reads, whose tenants were
    /// written.
    static func insertion(
        of new: [(id: UUID, call: Registration.Call)], cell: String, limits: MailLimits
    ) -> SQL {
        let requests = new.map(\.call.request)
        return """
            with o as (
                insert into multiconnect.organizations (
                    id, org_id, name, admin_email, environment, schema_name, cell)
                select n.id, n.org_id, n.name, n.admin_email, n.environment, n.schema_name, \(cell)
                from unnest(
                    \(new.map(\.id))::uuid[], \(requests.map(\.organization.text))::text[],
                    \(requests.map(\.name.text))::text[], \(requests.map(\.adminEmail.text))::text[],
                    \(requests.map { ($0.environment ?? .production).description })::text[],
                    \(requests.map(\.organization.schemaName))::text[],
                    \(new.map { $0.call.source ?? "" })::text[]
                ) as n (id, org_id, name, admin_email, environment, schema_name, source)
                where \(MailStore.isUnlimited(recipient: "n.admin_email", source: "n.source", limits: limits))
                -- In one order everywhere: no two statements wait for each other's orgs in a circle.
                order by n.org_id
                on conflict do nothing
                returning *
            ), c as (
                insert into multiconnect.connections (organization_id) select id from o returning *
            ), a as (
                insert into multiconnect.activity (organization_id, actor, action, detail)
                select id, 'org', 'registered', 'admin ' || admin_email from o
            )
            select \(columns) from o join c on c.organization_id = o.id
            """
    }

    /// The condition that a tenant with the id in that column exists.
    static func isWritten(_ column: String) -> SQL {
        "exists (select from multiconnect.organizations as o where o.id = \(raw: column))"
    }

    /// The tenants that a statement of `insertion` wrote.
    static func organizations(_ rows: Rows) throws -> [UUID: Organization] {
        Dictionary(
            try rows.map(read).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Replaces what a registration tells, as long as nobody has consented.
    func update(_ id: UUID, with request: RegistrationRequest, status: OrganizationStatus) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations
            set name = \(request.name.text), admin_email = \(request.adminEmail.text),
                environment = coalesce(\(request.environment?.description), environment),
                status = \(status.rawValue),
                status_detail = case when status = \(status.rawValue) then status_detail end,
                updated_at = now()
            where id = \(id) and authorized_at is null
            """)
    }

    /// Begins anew, with the name, address and environment that an admin once consented with.
    func restart(_ id: UUID, status: OrganizationStatus) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations
            set status = \(status.rawValue),
                status_detail = case when status = \(status.rawValue) then status_detail end,
                updated_at = now()
            where id = \(id)
            """)
    }

    func setAdminEmail(_ id: UUID, _ address: EmailAddress) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations set admin_email = \(address.text), updated_at = now()
            where id = \(id)
            """)
    }

    /// Notes a consent: the status it leads to, and where the org's users log in.
    ///
    /// - Parameter environment: where the admin logged in; nil if that is not known.
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

    /// Changes the status if the table of transitions allows it. Throws `.illegalTransition` if not, so that
    /// a late step cannot revive a tenant that was paused or lost its grant meanwhile.
    package func setStatus(_ id: UUID, to status: OrganizationStatus, detail: String? = nil) async throws {
        guard try await trySetStatus(id, to: status, detail: detail) else {
            throw OrganizationsError(
                .illegalTransition, "organization \(id) may not become \(status.rawValue) now")
        }
    }

    /// Changes the status if that is legal; returns whether it was.
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

    /// Adds to the reason of a status that waits for an admin.
    func noteDetail(_ id: UUID, _ detail: String) async throws {
        let waiting: [OrganizationStatus] = [.registered, .unauthorized]
        _ = try await connection.execute(
            """
            update multiconnect.organizations
            set status_detail = case
                when status = \(OrganizationStatus.registered.rawValue) or status_detail is null
                then \(detail)
                when position(\(detail) in status_detail) > 0 then status_detail
                else status_detail || '; ' || \(detail) end
            where id = \(id) and status = any(\(waiting.map(\.rawValue))::text[])
            """)
    }

    /// Removes the reason if the status is still this one.
    func clearDetail(_ id: UUID, of status: OrganizationStatus) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.organizations set status_detail = null
            where id = \(id) and status = \(status.rawValue)
            """)
    }

    private func first(_ condition: SQL) async throws -> Organization? {
        let rows = try await connection.query("select \(Self.columns) from \(Self.tables) \(condition)")
        return try rows.first.map(Self.read)
    }

    private static func read(_ row: Row) throws -> Organization {
        guard let name = OrganizationName(try row["name", as: String.self]),
            let email = EmailAddress(try row["admin_email", as: String.self]),
            let environment = OrgEnvironment(try row["environment", as: String.self]),
            let status = OrganizationStatus(rawValue: try row["status", as: String.self]),
            let state = ConnectionState(rawValue: try row["connection_state", as: String.self])
        else {
            throw OrganizationsError(
                .malformedRow, "organization \(try row["id", as: UUID.self]) cannot be read")
        }
        return Organization(
            id: try row["id"], organizationID: try OrganizationID(try row["org_id", as: String.self]),
            name: name,
            adminEmail: email, environment: environment, status: status,
            statusDetail: try row["status_detail"],
            schemaName: try row["schema_name"], cell: try row["cell"], authorizedAt: try row["authorized_at"],
            createdAt: try row["created_at"], updatedAt: try row["updated_at"],
            connectionID: try row["connection_id"], connectionState: state)
    }
}
