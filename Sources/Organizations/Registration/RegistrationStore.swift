internal import Activity
internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Writes the tenants' data from registrations to the control database.
struct RegistrationStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Adds a tenant and its connection. Returns false if the org is known already.
    func insert(_ request: RegistrationRequest, cell: String, isSigned: Bool = false) async throws -> Bool {
        let rows = try await connection.query(
            """
            insert into multiconnect.organizations
                (org_id, name, admin_email, environment, environment_signed, schema_name, cell)
            values (\(request.organization.text), \(request.name.text), \(request.adminEmail.text),
                    \((request.environment ?? .production).description),
                    \(isSigned && request.environment != nil),
                    \(request.organization.schemaName), \(cell))
            on conflict do nothing returning id
            """)
        guard let row = rows.first else { return false }
        _ = try await connection.execute(
            "insert into multiconnect.connections (organization_id) values (\(try row["id", as: UUID.self]))")
        return true
    }

    /// The statement that adds tenants, their connections and activity. It skips orgs that are known already
    /// and orgs whose mail a limit may delay. `organizations` reads the added tenants from its rows.
    static func insertion(
        of new: [(id: UUID, call: OrganizationRegistration.Call)], cell: String, limits: MailLimits
    ) -> SQL {
        let requests = new.map(\.call.request)
        return """
            with o as (
                insert into multiconnect.organizations (
                    id, org_id, name, admin_email, environment, environment_signed, schema_name, cell)
                select n.id, n.org_id, n.name, n.admin_email, n.environment, n.environment_signed,
                    n.schema_name, \(cell)
                from unnest(
                    \(new.map(\.id))::uuid[], \(requests.map(\.organization.text))::text[],
                    \(requests.map(\.name.text))::text[], \(requests.map(\.adminEmail.text))::text[],
                    \(requests.map { ($0.environment ?? .production).description })::text[],
                    \(new.map { $0.call.isSigned && $0.call.request.environment != nil })::boolean[],
                    \(requests.map(\.organization.schemaName))::text[],
                    \(new.map { $0.call.source ?? "" })::text[]
                ) as n (id, org_id, name, admin_email, environment, environment_signed, schema_name, source)
                where \(MailStore.isUnlimited(recipient: "n.admin_email", source: "n.source", limits: limits))
                -- The same order everywhere, so that two statements do not deadlock.
                order by n.org_id
                on conflict do nothing
                returning *
            ), c as (
                insert into multiconnect.connections (organization_id) select id from o returning *
            ), a as (
                \(ActivityStore.insertion(
                    of: "select id, 'org', 'registered', 'admin ' || admin_email from o"))
            )
            select \(OrganizationStore.columns) from o join c on c.organization_id = o.id
            """
    }

    /// The condition that a tenant with the id in `column` exists.
    static func isWritten(_ column: String) -> SQL {
        "exists (select from multiconnect.organizations as o where o.id = \(raw: column))"
    }

    /// The tenants that a statement of `insertion` added.
    static func organizations(_ rows: Rows) throws -> [UUID: Organization] {
        Dictionary(
            try rows.map(OrganizationStore.read).map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Replaces name, address and environment, if there was no consent yet.
    func update(
        _ id: UUID, with request: RegistrationRequest, isSigned: Bool, status: OrganizationStatus
    ) async throws {
        let environment = request.environment?.description
        _ = try await connection.execute(
            """
            update multiconnect.organizations
            set name = \(request.name.text), admin_email = \(request.adminEmail.text),
                environment = coalesce(\(environment), environment),
                environment_signed = case when \(environment)::text is null then environment_signed
                    else \(isSigned)::boolean end,
                status = \(status.rawValue),
                status_detail = case when status = \(status.rawValue) then status_detail end,
                updated_at = now()
            where id = \(id) and authorized_at is null
            """)
    }

    /// Sets the status after a new registration; keeps the name, address and environment of the consent.
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
}
